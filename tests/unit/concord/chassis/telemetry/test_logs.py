"""Log lines are JSON for machines and readable on a terminal, and carry the trace they belong to."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from concord.chassis.telemetry import Telemetry, log_to
from concord.chassis.telemetry.logs import LIBRARY_LINES_MAX, OWN_LINES_MAX, SPAN_SECONDS, Throttle


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def fail() -> None:
    raise ValueError("poison")


def test_a_line_is_one_json_object_with_trace_and_exception() -> None:
    out = io.StringIO()
    log_to(out, "tested")
    telemetry = Telemetry("tested", InMemorySpanExporter(), at_once=True)
    with telemetry.tracing.span("s") as span:
        try:
            fail()
        except ValueError:
            logging.getLogger("concord.tested").exception("unit %s\nfailed", "u-1")
    (text,) = out.getvalue().splitlines()
    line = json.loads(text)
    assert (line["service"], line["level"], line["message"]) == ("tested", "error", "unit u-1\nfailed")
    assert line["trace_id"] == format(span.get_span_context().trace_id, "032x")
    assert "ValueError: poison" in line["exception"]


def test_a_terminal_gets_a_readable_line() -> None:
    out = Terminal()
    log_to(out, "tested")
    logging.getLogger("concord.tested").info("ready")
    assert out.getvalue().endswith("tested INFO ready\n")
    assert "{" not in out.getvalue()


def test_libraries_are_heard_from_warning_on() -> None:
    out = io.StringIO()
    log_to(out, "tested")
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").warning("rebalance failed")
    assert [json.loads(line)["message"] for line in out.getvalue().splitlines()] == ["rebalance failed"]


def lines_of(logger: str, throttle: Throttle, count: int) -> list[str]:
    """Return what is written of so many lines with different contents."""
    records = [logging.LogRecord(logger, logging.ERROR, "", 0, "no answer from %s", (n,), None) for n in range(count)]
    return [record.getMessage() for record in records if throttle.filter(record)]


def test_what_a_library_says_140_times_a_second_is_written_once_and_counted() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    assert len(lines_of("aiokafka.conn", throttle, 140)) == LIBRARY_LINES_MAX
    assert len(lines_of("aiokafka.cluster", throttle, 1)) == 1, "another line is another"
    now = SPAN_SECONDS
    assert lines_of("aiokafka.conn", throttle, 1) == ["no answer from 0 (and 139 more like it in 30 s)"]
    now = 2 * SPAN_SECONDS
    assert lines_of("aiokafka.conn", throttle, 1) == ["no answer from 0"]


def test_our_own_lines_tell_of_single_records_and_are_bounded_all_the_same() -> None:
    assert len(lines_of("concord.chassis.http.problems", Throttle(lambda: 0.0), 1_000)) == OWN_LINES_MAX
