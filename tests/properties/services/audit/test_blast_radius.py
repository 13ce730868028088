"""The blast radius: whom evidence blames, what is in doubt since when, and what nothing may leave out."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from concord.quality.intervals import clopper_pearson
from services.audit.domain.holding import re_reviewed
from services.audit.domain.radius import (
    CLEAN_LABELS_MIN,
    DAY_US,
    FINDINGS_MAX,
    LOOK_BACK_DAYS,
    RADIUS_LOTS_MAX,
    Fault,
    Finding,
    Hand,
    Hands,
    at_fault,
    concerning,
    in_radius,
    noted,
    radius,
)
from services.audit.domain.unit import Evidence, Inspection, UnitState

PEOPLE = ("ann", "bob", "eve")
NOW_US = 1_000 * DAY_US
OLDEST_US = NOW_US - LOOK_BACK_DAYS * DAY_US


def same(label: str, other: str) -> bool:
    return label == other


labels = st.sampled_from(["a", "b", ""])
units = st.builds(
    lambda name, theirs, resolved, truth, settled: UnitState(
        name,
        "k1-p",
        admitted=True,
        label=resolved,
        method="posterior",
        evidence=tuple(Evidence(who, label, 1) for who, label in theirs.items()),
        inspection=Inspection("auditor", truth, 0, resolved == truth),
        resolved_at_us=settled,
    ),
    st.uuids().map(str),
    st.dictionaries(st.sampled_from(PEOPLE), labels, max_size=3),
    st.sampled_from("ab"),
    st.sampled_from("ab"),
    st.integers(OLDEST_US, NOW_US),
)


@given(st.lists(units, max_size=30), st.floats(0.001, 0.5))
def test_at_fault_is_who_is_shown_to_be_wrong_too_often_and_nobody_else(
    inspected: list[UnitState], rate_max: float
) -> None:
    found = {fault.annotator_id: fault for fault in at_fault(inspected, same, rate_max)}
    for who in PEOPLE:
        theirs = [
            (unit, each.label)
            for unit in inspected
            for each in unit.evidence
            if each.annotator_id == who and each.label
        ]
        wrong = sum(
            unit.inspection is not None and not unit.inspection.correct and label != unit.inspection.label
            for unit, label in theirs
        )
        rate = clopper_pearson(wrong, len(theirs))
        blamed = wrong >= 2 and rate.low is not None and rate.low > rate_max
        assert (who in found) == blamed
        if blamed:
            fault = found[who]
            assert (fault.inspected, fault.wrong, fault.low, fault.high) == (len(theirs), wrong, rate.low, rate.high)


@given(st.lists(units, max_size=20))
def test_nobody_is_at_fault_where_no_unit_would_have_left_wrong(inspected: list[UnitState]) -> None:
    right = [unit for unit in inspected if unit.inspection is not None and unit.inspection.correct]
    assert at_fault(right, same, 0.001) == ()


@st.composite
def histories(draw: st.DrawFn) -> list[Hand]:
    """Draw what lots hold of an annotator: each was accepted no earlier than the last of its units was settled."""
    hands = []
    for number in range(draw(st.integers(0, 12))):
        newest = draw(st.integers(OLDEST_US - DAY_US, NOW_US))
        inspected = draw(st.integers(0, 2 * CLEAN_LABELS_MIN))
        wrong = draw(st.sampled_from([0, 0, min(1, inspected)]))
        hands.append(
            Hand(
                f"l{number}",
                "ann",
                draw(st.integers(newest, NOW_US)),
                inspected + 1,
                newest,
                inspected,
                wrong,
                draw(st.integers(0, newest)) if inspected > wrong else 0,
            )
        )
    return sorted(hands, key=lambda hand: (-hand.accepted_at_us, hand.lot_id))


@given(histories())
def test_no_lot_with_units_in_doubt_is_left_out_however_far_back_it_was_accepted(hands: list[Hand]) -> None:
    found = radius(iter(hands), "rejected", NOW_US)
    clean = [hand.held_us for hand in hands if hand.clean and hand.held_us > OLDEST_US]
    assert found.since_us == max(clean, default=OLDEST_US)
    assert {hand.lot_id for hand in found.accepted} == {
        hand.lot_id for hand in hands if hand.newest_us > found.since_us and hand.accepted_at_us > found.since_us
    }
    if found.clean_lot_id:
        held = next(hand for hand in hands if hand.lot_id == found.clean_lot_id)
        assert held.inspected >= CLEAN_LABELS_MIN
        assert not held.wrong


@given(histories(), st.data())
def test_what_is_read_no_further_than_the_clean_point_says_the_same(hands: list[Hand], data: st.DataObject) -> None:
    whole = radius(hands, "rejected", NOW_US)
    needed = [hand for hand in hands if hand.accepted_at_us > whole.since_us]
    further = data.draw(st.integers(len(needed), len(hands)))
    assert radius(hands[:further], "rejected", NOW_US) == whole


def test_a_radius_is_bounded_and_its_newest_lots_are_kept() -> None:
    hands = [Hand(f"l{number}", "ann", NOW_US - number, 1, NOW_US - number) for number in range(RADIUS_LOTS_MAX + 5)]
    found = radius(hands, "l3", NOW_US)
    assert [hand.lot_id for hand in found.accepted] == [hand.lot_id for hand in hands if hand.lot_id != "l3"][
        :RADIUS_LOTS_MAX
    ]


findings = st.builds(
    lambda who, lot, at, since: Finding(Fault(who, 9, 9, 0.7, 1.0), lot, at, min(since, at)),
    st.sampled_from(PEOPLE),
    st.sampled_from(["l1", "l2"]),
    st.integers(OLDEST_US, NOW_US),
    st.integers(OLDEST_US, NOW_US),
)


@given(st.lists(st.lists(findings, max_size=3, unique_by=lambda found: found.fault.annotator_id), max_size=5))
def test_of_several_findings_on_somebody_nothing_that_any_of_them_doubts_is_forgotten(
    rejections: list[list[Finding]],
) -> None:
    known: tuple[Finding, ...] = ()
    for found in rejections:
        known = noted(known, found)
    assert len({finding.fault.annotator_id for finding in known}) == len(known)
    for finding in (finding for found in rejections for finding in found):
        (kept,) = [each for each in known if each.fault == finding.fault]
        assert kept.since_us <= finding.since_us


def test_findings_are_bounded_and_the_newest_are_kept() -> None:
    many = [Finding(Fault(f"a{number}", 9, 9, 0.7, 1.0), "l1", NOW_US, 0) for number in range(FINDINGS_MAX + 3)]
    kept = noted((), many)
    assert len(kept) == FINDINGS_MAX
    assert kept[-1].fault.annotator_id == many[-1].fault.annotator_id


@given(units, st.lists(findings, max_size=3), st.integers(OLDEST_US, NOW_US))
def test_a_unit_is_in_the_radius_of_whoever_labelled_it_after_their_labels_held(
    unit: UnitState, found: list[Finding], sealed_us: int
) -> None:
    known = concerning(noted((), found), "l1", sealed_us)
    whose = {finding.fault.annotator_id for finding in in_radius(unit, known)}
    for evidence in unit.evidence:
        finding = known.get(evidence.annotator_id)
        assert (evidence.annotator_id in whose) == (finding is not None and unit.resolved_at_us > finding.since_us)
    assert all(finding.lot_id != "l1" and sealed_us <= finding.at_us for finding in known.values())


@given(st.lists(st.sampled_from([None, True, False]), max_size=12), st.integers(0, 12))
def test_the_first_few_are_looked_at_and_all_of_them_once_one_is_wrong(
    verdicts: Sequence[bool | None], first: int
) -> None:
    named = {f"u{place}": verdict for place, verdict in enumerate(verdicts)}
    found = re_reviewed(list(named), first, named.get)
    open_units = [unit for unit, verdict in named.items() if verdict is None]
    if False in verdicts:
        assert found.left == open_units
    else:
        assert found.left == [unit for unit in open_units if int(unit[1:]) < first]
    assert (found.units, found.inspected, found.errors) == (
        len(verdicts), len(verdicts) - len(open_units), list(verdicts).count(False),
    )  # fmt: skip


@given(st.lists(units, max_size=20), st.integers(1, 5))
def test_what_a_lot_holds_of_somebody_is_the_same_in_whatever_pieces_it_is_taken(
    members: list[UnitState], piece: int
) -> None:
    whole, parts = Hands("l1", NOW_US, same), Hands("l1", NOW_US, same)
    whole.add(members, 0)
    for start in range(0, len(members), piece):
        parts.add(members[start : start + piece], 0)
    assert whole.all() == parts.all()
    for hand in whole.all():
        theirs = [unit for unit in members if any(each.annotator_id == hand.annotator_id for each in unit.evidence)]
        assert hand.units == len(theirs)
        assert hand.newest_us == max(unit.resolved_at_us for unit in theirs)
        assert hand.held_us in {0, *(unit.resolved_at_us for unit in theirs)}
