"""Remove access tokens from log messages and tracebacks."""

from __future__ import annotations

import logging
import re

_TRACEBACK_FORMATTER = logging.Formatter()
_SECRET = re.compile(
    r"((?:token|%74oken)(?:=|%3d)|authorization\W{1,4}(?:basic |bearer )?|/websub/)[^\s&\"'<>?]+", re.I
)


class RedactingFilter(logging.Filter):
    """Replaces the tokens in each record before a handler writes it. Drops no record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record's message and traceback; return True always."""
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _TRACEBACK_FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)  # formatters use this text if it exists
        return True


def redact(text: str) -> str:
    """Replace each token of a text by an ellipsis.

    Tokens are the values of `token=` in URLs, also percent-encoded, and of Authorization headers, and the
    names of callbacks for hubs.
    """
    return _SECRET.sub(r"\1…", text)
