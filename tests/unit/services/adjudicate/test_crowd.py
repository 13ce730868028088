"""What gold says of a crowd as a whole reaches the weighing of labels, is kept, and is shown."""

from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.topics import DEAD_LETTERS, RESOLUTIONS
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start

STRICT = Policy(overlap=Overlap(initial=2, max=3), consensus=Consensus(confidence=0.9))


async def shown(found: Adjudicate) -> Any:
    await found.settle()
    return (await found.call("GET", f"/v1/projects/{PROJECT}/competence", role=Role.OPERATOR)).json()


async def said_yes_twice(found: Adjudicate, unit_id: str) -> str:
    """Return what is decided of a unit of which two people say yes."""
    await found.upstream.unit(unit_id)
    for number, annotator in enumerate(("new", "newer"), start=1):
        await found.upstream.annotation(unit_id, number, annotator, "yes")
    return next(verdict for unit, verdict in reversed(await found.decisions()) if unit == unit_id)


async def test_how_far_errors_go_together_decides_what_two_labels_are_worth_across_a_restart() -> None:
    found = await start(House())
    await found.upstream.project(STRICT)
    expected = found.handlers().repository.crowd(PROJECT).dependence
    assert expected == 0.15, "without gold, what is expected of a crowd"
    await found.upstream.crowd(0.9, [40, 40], revision=5)
    await found.upstream.crowd(0.0, [1, 1], revision=4)
    before = await shown(found)
    assert (before["dependence"], before["dependence_units"], before["gold_answers"]) == (0.9, 80, 160)
    assert await said_yes_twice(found, "k1-utb1") == "overlap_requested"
    await found.upstream.crowd(0.0, [40, 40], revision=6)
    assert await said_yes_twice(found, "k1-utb2") == "consensus_reached"
    names = ("dependence", "dependence_units", "gold_answers")
    known = await shown(found)
    await found.kill(found.service)
    await found.join()
    again = await shown(found)
    assert [again[name] for name in names] == [known[name] for name in names] == [0.0, 80, 160]
    await found.stop()


@pytest.mark.parametrize(("learn", "units", "share"), [("gold", 100, 1.0), ("resolved", 101, 100 / 101)])
async def test_the_mix_of_classes_comes_from_gold_and_where_the_policy_says_so_from_what_was_resolved(
    learn: Any, units: int, share: float
) -> None:
    found = await start(House())
    await found.upstream.project(Policy(overlap=Overlap(initial=2), consensus=Consensus(confidence=0.6, learn=learn)))
    await found.upstream.crowd(0.1, [97, 3])
    await found.settle()
    assert await said_yes_twice(found, "k1-utb1") == "consensus_reached"
    (event,) = found.house.events(RESOLUTIONS)
    assert event.consensus_reached.confidence < 0.75, "by equal shares it would be .93 that it is of the rare class"
    known = await shown(found)
    assert (known["prevalence_units"], known["prevalence_gold_share"]) == (units, pytest.approx(share))
    await found.stop()


async def test_findings_that_cannot_be_are_dead_letters() -> None:
    found = await start(House())
    await found.upstream.project(STRICT)
    await found.upstream.crowd(1.5)
    assert (await shown(found))["dependence"] == 0.15
    (letter,) = found.house.events(DEAD_LETTERS)
    assert "crowd_measured.dependence" in letter.reason
    await found.stop()
