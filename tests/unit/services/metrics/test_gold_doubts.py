"""Gold that good annotators disagree with: found, and whoever it was held against is judged by it no more."""

from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any

import pytest

from concord.contracts.topics import QUALITY
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.quality_pb2 import GoldDoubted
from concord.contracts.v1.resolutions_pb2 import GoldFlagged, GoldRuled, ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitErased, UnitEvent
from services.ingest.domain.project import Gold, Policy
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.metrics.running import Metrics, begun, start
from tests.unit.services.metrics.test_book import _annotation, _resolutions, _units

GOOD = ("ann", "bob", "cem", "dan", "eve")
OTHERS = 6
LOOKS_MAX = 60


@pytest.fixture
async def metrics(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    running = await start(House())
    await running.upstream.project(Policy())
    yield running
    await running.stop()


async def answered(metrics: Metrics, names: tuple[str, ...] = GOOD, models: tuple[str, ...] = ()) -> None:
    """Let these be right on six gold units, and say yes to one whose known label is no; gus does what he likes."""
    for number in range(OTHERS):
        await metrics.upstream.unit(f"k1-ug{number}", gold="yes")
        for place, name in enumerate((*names, "gus"), start=1):
            label = "no" if name == "gus" else "yes"
            await metrics.upstream.annotation(f"k1-ug{number}", place, name, label, by_model=name in models)
    await metrics.upstream.unit("k1-ugx", gold="no")
    for place, name in enumerate((*names, "gus"), start=1):
        await metrics.upstream.annotation("k1-ugx", place, name, "yes", by_model=name in models)


async def doubts(metrics: Metrics, many: int) -> list[GoldDoubted]:
    """Return the doubts that were told, once so many were, and a while after that."""
    doubteds: list[GoldDoubted] = []
    for _ in range(LOOKS_MAX):
        await metrics.settle()
        doubteds = [event.gold_doubted for event in metrics.house.events(QUALITY) if event.HasField("gold_doubted")]
        if len(doubteds) >= many:
            break
    return doubteds


async def judged(metrics: Metrics, right: int, units: int, name: str = "ann") -> bool:
    """Wait until somebody is told to be right on so many of so many gold units."""
    found: Any = None
    for _ in range(LOOKS_MAX):
        row = (await metrics.annotators()).get(name, {"gold_correct": 0, "gold_units": 0})
        if (found := (row["gold_correct"], row["gold_units"])) == (right, units):
            return True
    raise AssertionError(f"{name} is right on {found[0]} of {found[1]}")


async def test_gold_that_five_good_annotators_disagree_with_is_told_once_with_what_they_say(metrics: Metrics) -> None:
    await answered(metrics)
    (doubted,) = await doubts(metrics, 1)
    assert (doubted.unit_id, doubted.known_label) == ("k1-ugx", b'"no"')
    assert (
        doubted.good,
        doubted.disagreeing,
        [(gold_said.label, gold_said.annotators) for gold_said in doubted.said],
    ) == (5, 5, [(b'"yes"', 5)])
    assert 0.5 < doubted.share_low < 0.6
    assert list(doubted.annotators) == sorted((*GOOD, "gus")), "whoever answered has a part in it, good or not"


async def test_a_project_that_wants_no_doubts_has_none(metrics: Metrics) -> None:
    await metrics.upstream.project(Policy(gold=Gold(doubts=False)), revision=2)
    await answered(metrics)
    assert await judged(metrics, 6, 7)
    assert await doubts(metrics, 0) == []


async def test_four_are_too_few_and_whoever_is_bad_on_other_gold_is_no_witness(metrics: Metrics) -> None:
    await answered(metrics, GOOD[:4])
    assert await judged(metrics, 6, 7)
    assert await doubts(metrics, 0) == []


async def test_a_model_is_no_witness_however_good_it_is(metrics: Metrics) -> None:
    await answered(metrics, GOOD, models=GOOD[3:])
    assert await judged(metrics, 6, 7), "it is measured like anybody"
    assert await judged(metrics, 6, 7, GOOD[4])
    assert await doubts(metrics, 0) == []


async def test_gold_in_doubt_counts_for_nobody_until_it_is_ruled_and_then_as_it_was_ruled(metrics: Metrics) -> None:
    await answered(metrics)
    assert await judged(metrics, 6, 7)
    await metrics.upstream.resolution("k1-ugx", gold_flagged=GoldFlagged(unit_id="k1-ugx", revision=1))
    assert await judged(metrics, 6, 6), "the verdict is taken back"
    await metrics.upstream.annotation("k1-ugx", 9, "hal", "no")
    await metrics.upstream.unit("k1-ugy", gold="yes")
    await metrics.upstream.annotation("k1-ugy", 1, "hal", "yes")
    assert await judged(metrics, 1, 1, "hal"), "nor is anybody judged by it who answers it meanwhile"
    ruled = GoldRuled(unit_id="k1-ugx", revision=2, outcome="corrected", known_label=b'"yes"')
    await metrics.upstream.resolution("k1-ugx", gold_ruled=ruled)
    assert await judged(metrics, 7, 7)
    assert await judged(metrics, 1, 2, "hal")
    await metrics.upstream.resolution("k1-ugx", gold_flagged=GoldFlagged(unit_id="k1-ugx", revision=1))
    assert await judged(metrics, 7, 7), "an older word that comes late changes nothing"
    assert len(await doubts(metrics, 1)) == 1, "a person has looked at it: it is doubted no more"
    metrics.others.append(await begun(metrics.house))
    assert (await metrics.quality())["gold_correct"] == 6 * 5 + 6 + 1


async def test_a_retired_unit_counts_never_again(metrics: Metrics) -> None:
    await answered(metrics)
    ruled = GoldRuled(unit_id="k1-ugx", revision=2, outcome="retired")
    await metrics.upstream.resolution("k1-ugx", gold_ruled=ruled)
    assert await judged(metrics, 6, 6)


def test_in_whatever_order_it_is_told_the_sums_and_their_revisions_are_the_same() -> None:
    about = Metadata(event_id="e", client_id="k1", project_id=PROJECT, occurred_at_us=1)
    admitted = UnitEvent(metadata=about, unit_admitted=UnitAdmitted(unit_id="k1-g", gold_label=b'"no"'))
    flagged = ResolutionEvent(metadata=about, gold_flagged=GoldFlagged(unit_id="k1-g", revision=1))
    entry = GoldRuled(unit_id="k1-g", revision=2, outcome="corrected", known_label=b'"yes"')
    ruled = ResolutionEvent(metadata=about, gold_ruled=entry)
    steps = [
        _units(admitted),
        _annotation("k1-g", 1, b'"yes"'),
        _annotation("k1-g", 2, b'"no"'),
        _resolutions(flagged),
        _resolutions(ruled),
    ]
    found = set()
    for order in permutations(steps):
        rows = Rows()
        handlers = Handlers(rows)
        for step in (*order, *order):
            step(handlers)
        sums = rows.sums[PROJECT]
        standings = sorted(
            (name, tuple(standing.answers.items()), standing.revision) for name, standing in sums.standings.items()
        )
        found.add((tuple(standings), sums.gold_learnt, tuple(sums.gold)))
    assert len(found) == 1
    (((first, second), _, gold),) = found
    assert (first[1], second[1], gold) == (((('"yes"', '"yes"'), 1),), ((('"yes"', '"no"'), 1),), ("k1-g",))


def test_erased_gold_stays_out_whatever_is_ruled() -> None:
    about = Metadata(event_id="e", client_id="k1", project_id=PROJECT, occurred_at_us=1)
    rows = Rows()
    handlers = Handlers(rows)
    handlers.units([UnitEvent(metadata=about, unit_admitted=UnitAdmitted(unit_id="k1-g", gold_label=b'"no"'))])
    handlers.units([UnitEvent(metadata=about, unit_erased=UnitErased(unit_id="k1-g"))])
    ruled = GoldRuled(unit_id="k1-g", revision=2, outcome="confirmed", known_label=b'"no"')
    handlers.resolutions([ResolutionEvent(metadata=about, gold_ruled=ruled)])
    assert rows.sums[PROJECT].gold == {}
