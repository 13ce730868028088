"""Log lines on standard error: JSON for machines, plain on a terminal; ids only, never payloads."""

import json
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from concord.chassis.telemetry.tracing import trace_id_now

SPAN_SECONDS = 30.0
LIBRARY_LINES_MAX, OWN_LINES_MAX = 1, 20
"""How many lines of one wording are written in SPAN_SECONDS: of the libraries, and of ours, which tell of single
records and requests."""
WORDING_CHARACTERS = 60
WORDINGS_MAX = 1_000
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
        if trace_id := trace_id_now():
            line["trace_id"] = trace_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Throttle(logging.Filter):
    """Lets a line through so often in SPAN_SECONDS and counts the rest; the next one tells how many there were.

    While a broker is away its client library says so some 140 times a second, and our own doors once a request. A line
    is known by its logger, level and wording before anything is filled in.

    Args:
        now: seconds that never go back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._spans: OrderedDict[tuple[str, int, str], list[float]] = OrderedDict()
        # Several threads log: the Kafka client of Faust has one of its own.
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written."""
        allowed = LIBRARY_LINES_MAX if record.name.partition(".")[0] in _QUIET else OWN_LINES_MAX
        key = (record.name, record.levelno, str(record.msg)[:WORDING_CHARACTERS])
        with self._lock:
            now = self._now()
            since, entry, held = self._spans.get(key, (now, 0, 0))
            over = now - since >= SPAN_SECONDS
            if not over and entry >= allowed:
                self._spans[key] = [since, entry, held + 1]
                return False
            self._spans[key] = [now, 1, 0] if over else [since, entry + 1, held]
            self._spans.move_to_end(key)
            if len(self._spans) > WORDINGS_MAX:
                self._spans.popitem(last=False)
        if over and held:
            record.msg = f"{record.getMessage()} (and {held:.0f} more like it in {now - since:.0f} s)"
            record.args = None
        return True


def log_to(stream: TextIO | None, service: str) -> None:
    """Send the process's log lines to a stream, the libraries' own from WARNING on; replaces what was set before.

    Args:
        stream: where to, standard error if None; a terminal gets readable lines, all else JSON.
        service: the service's name.
    """
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    if stream.isatty():
        handler.setFormatter(logging.Formatter(f"%(asctime)s {service} %(levelname)s %(message)s", "%H:%M:%S"))
    else:
        handler.setFormatter(JsonLines(service))
    handler.addFilter(Throttle())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
