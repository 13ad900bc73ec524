"""Logs: one line a message, as text or as JSON, without tokens; whatever library writes them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, TextIO

from feeds.config import Config
from feeds.server.log_redaction import Masked, mask

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
REQUEST = "request"
"""The attribute of a record that holds what is known of a request, by name."""


def configure(config: Config, stream: TextIO) -> None:
    """Let all loggers, and Python's warnings, write to a stream as it is configured, and nowhere else."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(Masked())
    handler.setFormatter(Json() if config.log_format == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=config.log.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a long run is no warning
    logging.getLogger("urllib3").setLevel(logging.INFO)  # whose debugging names queries, which may hold keys


class Json(logging.Formatter):
    """A record as one JSON object on one line: `time` (ISO 8601, UTC), `level`, `logger`, `message`, and
    `exception` where there is one; what is known of a request stands beside them.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end. Expects a record whose message and traceback are masked already."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            said["exception"] = record.exc_text
        for name, value in getattr(record, REQUEST, {}).items():
            said[name] = mask(value) if isinstance(value, str) else value
        return json.dumps(said, ensure_ascii=False)
