"""Log lines on standard error: JSON for machines, plain on a terminal; ids only, never payloads."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from opentelemetry import trace

_QUIET = ("aiokafka", "uvicorn", "pymongo", "motor", "faust", "mode", "asyncio")


class JsonLines(logging.Formatter):
    """One JSON object a line, with the trace it belongs to.

    Args:
        service: the service's name, in every line.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, str] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = format(context.trace_id, "032x")
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_to(stream: TextIO | None, service: str, level: int = logging.INFO) -> None:
    """Send the process's log lines to a stream; replaces what was set before.

    Args:
        stream: where to, standard error if None; a terminal gets readable lines, all else JSON.
        service: the service's name.
        level: from which level on; the libraries' own lines only from WARNING.
    """
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    if stream.isatty():
        handler.setFormatter(logging.Formatter(f"%(asctime)s {service} %(levelname)s %(message)s", "%H:%M:%S"))
    else:
        handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
