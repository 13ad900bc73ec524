"""Set up logging, for libraries too: one line per message, without tokens."""

from __future__ import annotations

import copy
import json
import logging
from datetime import UTC, datetime
from typing import Any, TextIO

from feeds.config import Config
from feeds.server.log_redaction import RedactingFilter, redact
from feeds.text.filenames import escape_unprintable

TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
REQUEST_ATTRIBUTE = "request"
"""The attribute of an access log record that maps the fields of the request to their values."""


def configure(config: Config, stream: TextIO) -> None:
    """Send all loggers and Python's warnings to a stream.

    Format and level are those of the configuration.
    """
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(JsonFormatter() if config.log_format == "json" else TextFormatter(TEXT_FORMAT))
    logging.basicConfig(level=config.log.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    # APScheduler warns of every run that takes longer than the interval.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # The debug messages of urllib3 contain queries, which may contain keys.
    logging.getLogger("urllib3").setLevel(logging.INFO)


class TextFormatter(logging.Formatter):
    """Formats a record as one line; the lines of a traceback follow it, indented.

    Names of files, members of archives and servers come from outside. A line break in one must not begin a
    line that looks like another message.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line and its traceback, with escapes for what is unprintable."""
        record = copy.copy(record)
        record.msg, record.args = escape_unprintable(record.getMessage().rstrip()), ()
        return "\n ".join(map(escape_unprintable, super().format(record).splitlines()))


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object on one line.

    Members: `time` (ISO 8601, UTC), `level`, `logger`, `message`; `exception` if there is one; and the fields
    of the request in the access log (docs/configuration.md).
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its line break.

        Message and traceback are expected to be redacted.
        """
        members: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            members["exception"] = record.exc_text
        for name, value in getattr(record, REQUEST_ATTRIBUTE, {}).items():
            members[name] = redact(value) if isinstance(value, str) else value
        return json.dumps(members, ensure_ascii=False)
