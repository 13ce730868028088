"""Live quality under a load: what is told of a project is what metrics counts, and the figures say what was seen."""

import dataclasses
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.command import main
from bench.live import catch_up
from bench.live.follow import Look, lag, longest_pause, session, shown, waited
from bench.live.given import Pace
from bench.live.report import as_json, draw, line, table
from bench.live.steady import Memory, Steady
from bench.live.told import GOLD_EVERY, LABELS, LOT_UNITS, ProjectEvents
from bench.services.load import CLASSES, Calls, definition
from concord.contracts.codec import decode
from concord.contracts.topics import LOTS, TOPICS, UNITS
from concord.labels import schema_from
from services.metrics.events import handlers
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows

SVG = "{http://www.w3.org/2000/svg}"
BY_NAME = {topic.name: topic for topic in TOPICS}


def steady(**changes: object) -> Steady:
    waits, seen = [0.5] * 98 + [1.5, 7.0], [(0.0, 0), (0.5, 150), (1.0, 40), (1.5, 0)]
    cpu_ms, memory = {"metrics": 0.25, "kafka": 0.5}, Memory(190.0, 195.0, 196.0)
    found = Steady("metrics alone", 300, 100, 0.5, waits, seen, 0.9, 2.5, Calls(), memory, cpu_ms)
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type] # of any field


def test_metrics_counts_every_label_that_is_told_and_has_agreement_errors_and_gold_of_them() -> None:
    entry, rows = ProjectEvents("k7q2-bench"), Rows()
    served = {topic.name: count for topic, count in handlers(Handlers(rows)).items()}
    labels = 2 * LABELS * LOT_UNITS
    events = Counter[str]()
    for number in range(labels):
        for record in entry.label(1_790_000_000_000_000 + number):
            events[record.topic] += 1
            served[record.topic]([decode(BY_NAME[record.topic], record.value)])
    sums, units = rows.sums["k7q2-bench"], labels // LABELS
    assert (entry.labels, entry.events) == (labels, events.total())
    assert sum(standing.annotations for standing in sums.standings.values()) == labels
    assert sums.settlements["consensus"] == units - units // GOLD_EVERY
    assert (events[LOTS.name], events[UNITS.name]) == (1, units + 1)
    assert len(sums.gold) == units // GOLD_EVERY
    assert len(sums.tally.rows) > 3, "people do not always agree"
    schema = schema_from(definition()["label_schema"])
    assert all(schema.canonical(class_name) is not None for class_name in CLASSES)


def test_each_label_waits_until_it_is_seen_and_a_pause_counts_where_something_waits_alone() -> None:
    given, looks = [0.0, 1.0, 2.0, 30.0], [Look(0.5, 1), Look(1.5, 1), Look(3.0, 3), Look(29.0, 3), Look(31.5, 4)]
    assert waited(given, looks) == [0.5, 1.0, 1.5, 2.0]
    assert lag(given, looks) == [(0.5, 0), (1.5, 1), (3.0, 0), (29.0, 0), (31.5, 0)]
    assert longest_pause(given, looks) == 2.0, "from 3 to 30 nothing had been given"


def test_what_is_late_is_given_at_once_and_bears_the_moment_at_which_it_was_due() -> None:
    pace = Pace(1_000_000)
    pace.begun -= 1.0
    due = list(pace.due(5, 10))
    assert len(due) == 5
    assert due[1] - due[0] == pytest.approx(1e-6, abs=5e-7)


def test_the_table_says_what_was_found_beside_what_is_aimed_at(tmp_path: Path) -> None:
    shown = table(steady())
    found = {row[0]: row[1:] for row in shown.rows}
    assert found["until in every measure, p99 s"] == ["7.00", "< 5"]
    assert found["labels a second"] == ["200.0", "300"]
    assert found["CPU ms a label, all processes"][0] == "0.75"
    assert "answer to a label, p50 and p99 ms" not in found
    assert any(row[0].startswith("answer") for row in table(steady(answers=Calls(seconds=[0.1]))).rows)
    assert line([0, 150, 40, 0]) in shown.notes
    draw(steady(), file := tmp_path / "lag.svg")
    (drawn,) = ET.fromstring(file.read_text()).findall(f"{SVG}polyline")
    heights = [float(point.split(",")[1]) for point in drawn.attrib["points"].split()]
    assert (min(heights), heights[0]) == (heights[1], heights[3])
    assert as_json(steady())["waits"] == {"p50": 0.5, "p90": 0.5, "p99": 7.0, "most": 7.0}


def test_catching_up_is_told_beside_the_bare_loop_and_the_other_checkout() -> None:
    this, other = catch_up.Spent("this", 12.5, 9.0, 240.0), catch_up.Spent("beside", 20.0, 15.0, 300.0)
    shown = catch_up.table(catch_up.CaughtUp(600, 1_000, 3.0, [this, other]))
    assert shown.rows == [
        ["this", "600", "1,000", "9.0", "3.0", "3.0", "12.5", "240"],
        ["beside", "600", "1,000", "15.0", "3.0", "5.0", "20.0", "300"],
    ]
    assert "this takes 0.60 of what beside does" in shown.notes[-1]


async def test_each_project_is_shown_by_its_series() -> None:
    series = b"""# TYPE concord_annotations gauge
concord_annotations{client="k7q2",project="k7q2-a"} 12.0
concord_annotations_counted{client="k7q2",project="k7q2-a"} 7.0
concord_annotations{client="k7q2",project="k7q2-b"} 0.0
"""

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/metrics"
        return web.Response(body=series)

    site = web.Application()
    site.router.add_get("/metrics", answer)
    async with TestServer(site) as server, session() as looking:
        assert await shown(looking, str(server.make_url("")).rstrip("/")) == {"k7q2-a": 12, "k7q2-b": 0}


@pytest.mark.parametrize(
    ("option", "value"), [("--rate", "0"), ("--rate", "5001"), ("--minutes", "0"), ("--minutes", "121")]
)
def test_a_load_that_cannot_be_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "steady", option, value])
    assert "5000 labels a second, and 0.1 to 120 minutes" in capsys.readouterr().err
