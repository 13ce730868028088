"""The report: one file with its plots, that fetches and runs nothing, whatever people are called and say."""

import asyncio
import os
import random
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.labels import encoded
from concord.pages.style import AS_PAGE
from concord.quality.estimate import Estimate
from services.ingest.domain.project import Fatigue, Gold, Overlap, Policy
from services.metrics.domain.fatigue import Person
from services.metrics.domain.standing import Competence
from services.metrics.page import plots
from simulation.house import Answer, House
from tests.support.service import until
from tests.support.upstream import CLIENT, PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of, start
from tests.unit.services.metrics.test_surveys import FIRST_HOUR, past_of

HOSTILE = "<img src=x onerror=alert(1)>"
CLASSES = ["no", "yes", "</svg><script>alert(2)</script>"]
FRAME = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "div", "b", "span", "bdi"}
TAGS = FRAME | {"table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd"}
DRAWN = {*["figure", "figcaption", "svg", "text", "line", "polyline", "polygon", "circle", "rect", "path"]}
HEADINGS = (
    "Agreement",
    "Throughput against accuracy",
    "Agreement in parts",
    "Pairs",
    "Fatigue",
    "Drift",
    "Groups",
    "Suggestions",
    "Cost",
)
PAGE_BYTES_MAX = 400_000
KEPT = os.environ.get("CONCORD_REPORT_KEPT", "")
"""A file into which the page is written, for somebody who wants to look at it."""


class Tags(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.surveying.PAUSE", 0.0)
    running = await start(House())
    policy = Policy(overlap=Overlap(initial=2, max=5), gold=Gold(pass_accuracy=0.8))
    await running.upstream.project(policy, classes=CLASSES)
    await until(lambda: PROJECT in measure_of(running.service).projects.rows)
    yield running
    await running.stop()


async def report(metrics: Metrics) -> Answer:
    answer = await metrics.call(f"/v1/projects/{PROJECT}/report.html", Role.CLIENT, CLIENT)
    assert answer.status == 200
    return answer


def labelled(metrics: Metrics, units: int = 1_400) -> None:
    """Have a crowd label units over thirty hours; late ones are of another kind, and one annotator errs often."""
    past, generator = past_of(metrics), random.Random(8)
    people = [HOSTILE, *(f"annotator-{number:02d}" for number in range(19))]
    for number in range(units):
        hour = FIRST_HOUR + 30 * number // units
        truth = CLASSES[generator.choices(range(3), [70, 25, 5] if number < 2 * units // 3 else [40, 45, 15])[0]]
        known: dict[str, Any] = {"gold_label": encoded(truth)} if number % 4 == 0 else {}
        suggested = truth if generator.random() < 0.7 else generator.choice(CLASSES)
        rows = []
        for who in generator.sample(people, 2):
            errs = generator.random() < (0.4 if who == HOSTILE else 0.05 + people.index(who) / 120)
            rows.append((who, generator.choice(CLASSES) if errs else truth))
        stratum = "law" if number % 2 else "news"
        length, hidden = int(generator.lognormvariate(6, 1)), number % 3 == 0
        known |= {"suggested_label": encoded(suggested), "suggestion_hidden": hidden}
        past.active_ms = 1_000 * generator.randrange(4, 40)
        past.unit(hour, rows, stratum=stratum, content_length=length, media_type="text/plain", **known)


async def test_a_project_without_a_label_has_a_report_that_says_what_is_missing(metrics: Metrics) -> None:
    page = Tags((await report(metrics)).body.decode())
    assert page.said.count("Nobody has answered gold yet") == 1
    assert "turnaround of 19 in 20 unitsat most 24\u00a0h" in page.said
    assert "No unit has got the labels yet" in page.said
    assert "svg" not in page.tags


async def test_the_report_draws_everything_and_runs_and_fetches_nothing_of_anybodys(metrics: Metrics) -> None:
    labelled(metrics)
    answer = await report(metrics)
    assert {name: answer.headers[name] for name in AS_PAGE} == AS_PAGE
    assert len(answer.body) < PAGE_BYTES_MAX
    text = answer.body.decode()
    page = Tags(text)
    assert page.tags <= TAGS | DRAWN
    assert DRAWN - {"path"} <= page.tags
    assert not any(name.startswith("on") or name in {"src", "href", "style"} for name in page.attributes)
    assert not re.search(r"(?i)https?://|url\(|@import|<script", text)
    assert HOSTILE in page.said
    assert re.search(r"Gwet's AC1\d*\.\d", page.said)
    for heading in HEADINGS:
        assert re.search(rf"<h2>{heading}", text)
    assert "Agreement by time" in page.said
    assert "Confusion on gold: 700 answers" in page.said
    assert re.search(r"Drifted: .*labels", page.said)
    assert "labels that say what was suggested" in page.said
    assert 'aria-labelledby="p0-alpha"' in text
    names = re.findall(r'<title id="([^"]+)"', text)
    assert len(names) == len(set(names)) >= 6
    if KEPT:
        await asyncio.to_thread(Path(KEPT).write_bytes, answer.body)


async def test_labels_of_one_hour_and_without_times_are_drawn_as_far_as_they_can_be(metrics: Metrics) -> None:
    past = past_of(metrics)
    for number in range(60):
        gold = {"gold_label": encoded("no")} if number % 6 == 0 else {}
        rows = [("ann", "no"), ("bob", "no" if number % 3 else "yes")]
        past.unit(FIRST_HOUR, rows, **gold)
    answer = await report(metrics)
    page = Tags(answer.body.decode())
    assert "All of it is of one window of time" in page.said
    assert 'of the labels are "no", so kappa' in page.said, "beside the coefficients, where they mislead"
    assert "Agreement by time" not in page.said
    assert "90\u00a0%" in page.said, "of the labels; gold is chosen, and none of them"
    assert "nobody has told yet how long it took" in page.said
    assert page.said.count("500 units of the first hours") == 1, "one reason is told once, whatever it is of"
    if KEPT:
        await asyncio.to_thread(Path(KEPT).with_stem("short").write_bytes, answer.body)


async def test_who_is_tired_is_told_in_a_row_as_wide_as_its_heading(metrics: Metrics) -> None:
    policy = Policy(overlap=Overlap(initial=2, max=5), fatigue=Fatigue(breaks=True))
    await metrics.upstream.project(policy, revision=2, classes=CLASSES)
    await metrics.settle()
    rows = measure_of(metrics.service).repository.rows_of(PROJECT)
    assert rows is not None
    tired = Person(newest_us=7, begun_us=1, times=(5_000,) * 10, slow=6.0, slow_run=9)
    rows.people[PROJECT] = {"ann": tired, "bob": Person(times=(5_000,) * 10)}
    text = (await report(metrics)).body.decode()
    (table,) = re.findall(r"newest break</th></tr></thead><tbody>(.*?)</tbody>", text)
    assert re.findall(r"<td>(?:<bdi[^>]*>)?([^<]*)", table) == ["ann", "slower", "none"]


async def test_nobody_elses_client_has_the_report(metrics: Metrics) -> None:
    await metrics.settle()
    for role, client in ((Role.CLIENT, "k2"), (Role.ANNOTATOR, None)):
        answer = await metrics.call(f"/v1/projects/{PROJECT}/report.html", role, client)
        assert answer.status in {403, 404}


def test_a_pace_in_thousands_is_written_as_people_write_it() -> None:
    quick = Competence("ann-1", 0, 0, 9, 8, Estimate(0.9, 0.6, 0.98, 9, ""), None, 40, 450)
    ticks = re.findall(r'text-anchor="middle">([^<]+)<', plots.throughput_and_accuracy([quick], "p"))
    assert "2,000" in ticks, ticks
