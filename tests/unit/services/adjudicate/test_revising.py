"""Labels that are revised before their unit is resolved, while it is escalated, and after."""

from concord.contracts.v1.resolutions_pb2 import Evidence
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import House
from tests.unit.services.adjudicate.running import Adjudicate, start

POLICY = Policy(overlap=Overlap(initial=2, max=3), consensus=Consensus(method="majority", confidence=0.6))
UNIT = "k1-utb1"


async def begun(policy: Policy = POLICY) -> Adjudicate:
    found = await start(House())
    await found.upstream.project(policy)
    await found.upstream.unit(UNIT)
    return found


def evidence(found: Adjudicate, kind: str = "consensus_reached") -> list[tuple[str, bytes, int]]:
    """Return who is told to have said what in which revision, by the only such resolution."""
    (event,) = (getattr(event, kind) for event in found.events() if event.HasField(kind))  # type: ignore[arg-type] # by name
    pieces: list[Evidence] = list(event.evidence)
    return [(piece.annotator_id, piece.label, piece.revision) for piece in pieces]


async def test_an_open_unit_is_judged_with_the_last_word_in_the_place_of_the_first() -> None:
    found = await begun()
    await found.upstream.annotation(UNIT, 1, "ann", "no")
    await found.upstream.annotation(UNIT, 2, "bob", "yes")
    assert await found.decisions() == [(UNIT, "overlap_requested")]
    await found.upstream.revision(UNIT, 1, "ann", "yes", 1, times=2)
    assert await found.decisions() == [(UNIT, "overlap_requested"), (UNIT, "consensus_reached")]
    assert evidence(found) == [("ann", b'"yes"', 1), ("bob", b'"yes"', 0)]
    await found.stop()


async def test_revisions_may_be_heard_of_in_any_order_and_the_greatest_stands() -> None:
    found = await begun()
    await found.upstream.revision(UNIT, 1, "ann", "yes", 2)
    await found.upstream.revision(UNIT, 1, "ann", "no", 1)
    await found.upstream.annotation(UNIT, 1, "ann", "no")
    await found.upstream.annotation(UNIT, 2, "bob", "yes")
    assert await found.decisions() == [(UNIT, "consensus_reached")]
    assert evidence(found) == [("ann", b'"yes"', 2), ("bob", b'"yes"', 0)]
    await found.stop()


async def test_what_comes_after_the_resolution_is_told_and_changes_nothing() -> None:
    found = await begun()
    await found.upstream.annotation(UNIT, 1, "ann", "yes")
    await found.upstream.revision(UNIT, 1, "ann", "no", 1)
    await found.upstream.revision(UNIT, 1, "ann", "yes", 2)
    await found.upstream.annotation(UNIT, 2, "bob", "yes")
    before = await found.decisions()
    await found.upstream.revision(UNIT, 1, "ann", "no", 3, times=2)
    assert await found.decisions() == [*before, (UNIT, "revision_too_late")]
    (late,) = (event.revision_too_late for event in found.events() if event.HasField("revision_too_late"))
    assert (late.annotator_id, late.revision, late.counted_revision, late.reason) == ("ann", 3, 2, "resolved")
    unit = (await found.handlers().repository.units([UNIT]))[UNIT]
    assert (unit.status, unit.label, unit.annotations[0].label) == ("consensus", '"yes"', '"yes"')
    await found.stop()


async def test_an_escalated_unit_whose_labels_now_agree_is_settled_and_waits_for_nobody() -> None:
    found = await begun(
        Policy(overlap=Overlap(initial=2, max=2), consensus=Consensus(method="majority", confidence=0.9))
    )
    await found.upstream.annotation(UNIT, 1, "ann", "no")
    await found.upstream.annotation(UNIT, 2, "bob", "yes")
    await found.upstream.labelling_ended(UNIT)
    assert await found.decisions() == [(UNIT, "escalated")]
    await found.upstream.revision(UNIT, 2, "bob", "no", 1)
    assert await found.decisions() == [(UNIT, "escalated"), (UNIT, "consensus_reached")]
    assert evidence(found) == [("ann", b'"no"', 0), ("bob", b'"no"', 1)]
    ruling = {"label": "yes", "reason": "So I see it.", "outcome": "label"}
    assert (await found.call("POST", f"/v1/escalations/{UNIT}/ruling", ruling)).status == 409
    await found.stop()


async def test_an_escalated_unit_that_still_disagrees_or_was_flagged_stays_with_the_adjudicators() -> None:
    found = await begun()
    await found.escalate("k1-utb2", "yes", "no")
    await found.upstream.revision("k1-utb2", 2, "fine", "yes", 1, flag="b")
    assert await found.decisions() == [("k1-utb2", "escalated")], "two flagged it, whatever they say now"
    unit = (await found.handlers().repository.units(["k1-utb2"]))["k1-utb2"]
    assert (unit.status, unit.escalated_for, unit.label, unit.confidence) == ("escalated", "flagged", '"yes"', 1.0)
    assert (unit.annotations[1].label, unit.annotations[1].revision) == ('"yes"', 1)
    await found.stop()


async def test_a_label_of_a_round_that_was_sent_back_is_told_to_be_too_late() -> None:
    found = await begun()
    await found.upstream.annotation(UNIT, 1, "ann", "yes")
    await found.upstream.annotation(UNIT, 2, "bob", "yes", rework=1)
    await found.upstream.revision(UNIT, 1, "ann", "no", 1)
    assert await found.decisions() == [(UNIT, "revision_too_late")]
    (event,) = found.events()
    assert event.revision_too_late.reason == "sent_back"
    await found.stop()
