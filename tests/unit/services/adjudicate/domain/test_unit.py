"""When a unit is asked for again, settled, escalated: move by move."""

from collections.abc import Sequence

import pytest

from services.adjudicate.domain.consensus import Leading
from services.adjudicate.domain.ending import ended, stranded, withdrawn
from services.adjudicate.domain.escalation import may_rule
from services.adjudicate.domain.passing import passed_over
from services.adjudicate.domain.rule import PassedOver, Rule
from services.adjudicate.domain.unit import (
    ROUND_LABEL_BYTES_MAX,
    Admission,
    Annotation,
    Judged,
    UnitState,
    admitted,
    annotated,
    judged,
    reopened,
)

UNIT, PROJECT = "k1-u1", "k1-p"


def weigh(annotations: Sequence[Annotation]) -> Leading:
    """Return the majority and its share."""
    texts = [annotation.label.strip('"') for annotation in annotations]
    best = max(sorted(set(texts)), key=texts.count)
    return Leading(best, texts.count(best) / len(texts))


def new(rule: Rule, gold: bool = False) -> UnitState:
    """Return a unit that was admitted."""
    return admitted(None, Admission(UNIT, PROJECT, gold, source_id="row 1"), rule, weigh).state


def label(state: UnitState, rule: Rule, who: str, text: str = "yes", **more: object) -> Judged:
    """Return what follows from one more label."""
    rework = int(more.pop("rework", state.rework))  # type: ignore[call-overload]  # by name
    annotation = Annotation(f"{UNIT}.{who}{rework}", who, f'"{text}"', 1, rework, str(more.pop("flag", "")))
    found = annotated(state, UNIT, PROJECT, annotation, rule, weigh, **more)  # type: ignore[arg-type]  # by name
    return found or Judged(state, "recorded")


def labelled(rule: Rule, *rows: str, **more: object) -> Judged:
    """Return where a unit stands after these labels of different people."""
    found = Judged(new(rule), "recorded")
    for number, text in enumerate(rows):
        found = label(found.state, rule, f"w{number}", text, **more)
    return found


def test_one_who_cannot_open_a_unit_has_nothing_decided_a_second_time() -> None:
    rule = Rule(2, 5, 0.9)
    asked = labelled(rule, "yes", "no")
    assert (asked.verdict, asked.state.decided_round) == ("overlap_requested", 2)

    def surer(annotations: Sequence[Annotation]) -> Leading:
        return Leading("yes", 0.95)  # by what was learnt of the two meanwhile

    def pass_over(state: UnitState, who: str) -> Judged | None:
        return passed_over(state, UNIT, PROJECT, PassedOver(who, "", 0, 1), "payload_broken", 0, 0, rule, surer)

    once = pass_over(asked.state, "cem")
    assert once is not None
    assert (once.verdict, once.state.status) == ("recorded", "open")
    twice = pass_over(once.state, "dan")
    assert twice is not None
    assert (twice.verdict, twice.state.escalated_for) == ("escalated", "payload_broken")


def test_a_unit_admitted_under_a_lower_overlap_is_asked_for_more_with_its_first_label() -> None:
    found = labelled(Rule(3, 3, 0.6), "yes", overlap_asked=1)
    assert (found.verdict, found.state.overlap_asked) == ("overlap_requested", 3)
    assert label(found.state, Rule(3, 3, 0.6), "b").verdict == "recorded", "it is asked for once"


def test_an_overlap_raised_while_labels_are_coming_in_is_asked_for_when_the_project_is_redefined() -> None:
    before = labelled(Rule(2, 5, 0.6), "yes", overlap_asked=2).state
    found = judged(before, Rule(3, 5, 0.6), weigh)
    assert (found.verdict, found.state.overlap_asked, found.state.overlap_initial) == ("overlap_requested", 3, 3)
    assert judged(found.state, Rule(3, 5, 0.6), weigh).state == found.state, "said again it changes nothing"


def test_an_overlap_lowered_settles_what_has_enough_already() -> None:
    waiting = labelled(Rule(3, 5, 0.6), "yes", "yes", overlap_asked=3).state
    assert judged(waiting, Rule(3, 5, 0.6), weigh).verdict == "recorded"
    assert judged(waiting, Rule(2, 5, 0.6), weigh).verdict == "consensus"
    split = labelled(Rule(2, 5, 0.9), "yes", "no").state
    assert split.overlap_asked == 3
    assert judged(split, Rule(2, 2, 0.9), weigh).verdict == "escalated", "the cap of today is reached"
    assert judged(split, Rule(2, 5, 0.5), weigh).verdict == "consensus", "so is today's confidence"


def test_what_was_asked_first_is_told_and_adaptive_labels_do_not_change_it() -> None:
    found = labelled(Rule(2, 5, 0.75), "yes", "no", "yes", "yes")
    assert (found.verdict, found.state.overlap_initial, found.state.decided_round) == ("consensus", 2, 4)


def test_nobody_left_escalates_what_has_labels_and_leaves_what_has_none() -> None:
    rule = Rule(3, 5, 0.6)
    state = labelled(rule, "yes").state
    found = stranded(state, 0, 0, rule, weigh)
    assert found is not None
    assert (found.verdict, found.state.escalated_for, found.state.leading_label) == (
        "escalated",
        "nobody_left",
        '"yes"',
    )
    none = stranded(new(rule), 0, 0, rule, weigh)
    assert none is not None
    assert (none.verdict, none.state.stranded) == ("recorded", True)
    again = label(none.state, rule, "somebody new")
    assert (again.verdict, again.state.stranded) == ("recorded", False), "somebody came: it goes on as before"
    assert stranded(state, 1, 0, rule, weigh) is None, "what is told of another round is not of this one"


def test_gold_units_keep_no_labels_so_that_no_state_grows_with_annotators() -> None:
    rule = Rule(2, 5, 0.6)
    early = label(UnitState(UNIT, PROJECT), rule, "ann").state
    gold = admitted(early, Admission(UNIT, PROJECT, gold=True), rule, weigh).state
    assert (gold.status, gold.annotations) == ("gold", ())
    assert label(gold, rule, "bob").state is gold


def test_whoever_labelled_late_or_in_an_earlier_round_has_a_part() -> None:
    rule = Rule(2, 2, 0.9)
    split = labelled(rule, "yes", "no").state
    assert split.status == "escalated"
    over = ended(split, 0, 0, ["holder"])
    assert over is not None
    late = label(over.state, rule, "late", late=True).state
    assert set(late.annotators) == {"w0", "w1", "holder", "late"}
    assert [may_rule(late, name) for name in ("w0", "holder", "late", "senior")] == [False, False, False, True]
    again = reopened(late, 1)
    assert set(again.annotators) == {"w0", "w1", "holder", "late"}
    assert all(annotation.label == "" and annotation.digest for annotation in again.annotations), (
        "labels of a round that is over are let go"
    )


def test_nobody_may_rule_before_it_is_known_who_still_holds_the_unit() -> None:
    split = labelled(Rule(2, 2, 0.9), "yes", "no").state
    assert not may_rule(split, "senior")
    over = ended(split, 0, 0, [])
    assert over is not None
    assert may_rule(over.state, "senior")


@pytest.mark.parametrize("late", [True, False])
def test_a_label_after_the_resolution_is_told_once_as_somebodys_part_in_it(late: bool) -> None:
    rule = Rule(2, 2, 0.6)
    settled = labelled(rule, "yes", "yes").state
    found = label(settled, rule, "third", "no", late=late)
    assert (found.verdict, found.joined, found.state.label) == ("recorded", ("third",), '"yes"')
    assert label(found.state, rule, "third", "no", late=late).joined == ()
    held = ended(settled, 0, 0, ["holder"])
    assert held is not None
    assert held.joined == ("holder",)
    assert label(held.state, rule, "holder", late=late).joined == (), "that they hold it was told"


def test_labels_too_large_to_be_kept_together_go_to_a_person_whatever_the_cap() -> None:
    large = "x" * (ROUND_LABEL_BYTES_MAX // 2)
    found = labelled(Rule(5, 100, 0.99), large + "a", large + "b")
    assert (found.verdict, found.state.escalated_for) == ("escalated", "no_consensus")


def test_an_erased_unit_keeps_nothing_of_the_client_nor_of_its_labels() -> None:
    gone = withdrawn(labelled(Rule(2, 5, 0.6), "yes").state, UNIT, PROJECT)
    assert (gone.source_id, gone.annotations, gone.label, gone.status) == ("", (), "", "withdrawn")
    assert admitted(gone, Admission(UNIT, PROJECT, gold=False, source_id="row 1"), Rule(1, 1, 0.5), weigh).state == gone
