"""Logs without secrets: what looks like an access token is left out of every message and traceback."""

from __future__ import annotations

import logging
import re

_PLAIN = logging.Formatter()
_SECRET = re.compile(
    r"((?:token|%74oken)(?:=|%3d)|authorization\W{1,4}(?:basic |bearer )?)[^\s&\"'<>]+", re.I
)


class Masked(logging.Filter):
    """Changes each record that passes, before any handler writes it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, masked."""
        said = record.getMessage()
        record.msg, record.args = mask(said), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _PLAIN.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)  # formatters write this one and make none themselves
        return True


def mask(text: str) -> str:
    """The text with an ellipsis for each token."""
    return _SECRET.sub(r"\1…", text)
