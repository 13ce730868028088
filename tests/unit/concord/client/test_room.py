"""Sending to a project that takes no more for now: the rest is sent when the service says, and each unit once."""

import msgspec
import pytest

from concord.client.models import Report
from concord.client.steps import Answer, Send, Sleep
from concord.client.units import _together, send


def answer(**entry: object) -> Answer:
    return Answer(202, {}, msgspec.json.encode(entry))


def test_what_was_not_taken_is_sent_when_the_service_says_and_counted_together() -> None:
    flow = send("k1-p", [{"id": f"u{n}", "content": "x"} for n in range(5)])
    stopped = {"line": 3, "field": "body", "problem": "full", "cure": "later"}
    wish = next(flow)
    assert isinstance(wish, Send)
    waits = flow.send(answer(admitted=2, stopped=stopped, retry_after_seconds=7))
    assert waits == Sleep(7.0)
    rest = flow.send(None)
    assert isinstance(rest, Send)
    assert isinstance(rest.body, bytes)
    assert [msgspec.json.decode(line)["id"] for line in rest.body.splitlines()] == ["u2", "u3", "u4"]
    refused = [{"line": 3, "field": "content", "problem": "is empty", "cure": "send one"}]
    with pytest.raises(StopIteration) as end:
        flow.send(answer(admitted=2, refused_count=1, refused=refused))
    report: Report = end.value.value
    assert (report.admitted, report.refused_count, report.stopped) == (4, 1, None)
    assert [refusal.line for refusal in report.refused] == [5]


def test_that_nothing_was_taken_is_said_of_all_requests_together_and_of_no_part() -> None:
    nothing = Report(refused_count=2, problem="Nothing of it was taken.")
    assert _together(_together(Report(), nothing, 0), nothing, 2).problem == nothing.problem
    assert _together(_together(Report(), nothing, 0), Report(admitted=1), 2).problem == ""
    assert _together(_together(Report(), Report(repeated=1), 0), nothing, 1).problem == ""
