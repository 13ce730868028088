"""Gold in doubt is shown to nobody, and to nobody a second time once it is shown again."""

from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import GoldFlagged, GoldRuled, ResolutionEvent
from services.assign.domain.qualification import Bar, QualificationState, hear
from services.assign.domain.unit import UnitState, admit, hold_gold, unheard_of
from tests.support.service import metadata
from tests.unit.services.assign.desk import AT_US, CLIENT, PROJECT, Desk, claim, submit, unit_event
from tests.unit.services.assign.test_qualifying import asking, estimated, in_project

GOLD = ("c1-ugg0", "c1-ugg1")
BAR = Bar("once", 0.8, 30, 1)


async def say(desk: Desk, unit_id: str, revision: int, outcome: str = "") -> None:
    about = metadata(f"{unit_id} {revision}", CLIENT, PROJECT, AT_US)
    if outcome:
        ruled = GoldRuled(unit_id=unit_id, revision=revision, outcome=outcome, known_label=b'"yes"')
        event = ResolutionEvent(metadata=about, gold_ruled=ruled)
    else:
        event = ResolutionEvent(metadata=about, gold_flagged=GoldFlagged(unit_id=unit_id, revision=revision))
    await desk.say(RESOLUTIONS, event)


async def test_gold_in_doubt_is_offered_to_nobody_and_after_it_is_confirmed_to_nobody_who_had_it() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(*(unit_event(name, AT_US, gold_label=b'"yes"') for name in GOLD))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (offer,) = await claim(ann, 1)
            had = offer["unit_id"]
            (left,) = set(GOLD) - {had}
            await say(desk, had, 1)
            late = await submit(ann, offer["assignment_id"])
            assert late.json()["status"] == "accepted", "who holds it is told nothing"
            assert [unit["unit_id"] for unit in await claim(bob, 2)] == [left]
            await say(desk, had, 2, "confirmed")
            assert {unit["unit_id"] for unit in await claim(bob, 2)} == set(GOLD)
            assert [unit["unit_id"] for unit in await claim(ann, 2)] == [left], "nobody meets it twice"


async def test_retired_gold_is_offered_never_again_also_by_the_next_life() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*(unit_event(name, AT_US, gold_label=b'"yes"') for name in GOLD))
        await say(desk, GOLD[0], 1)
        await say(desk, GOLD[0], 2, "retired")
    async with desk.open(), desk.annotator("ann") as ann:
        assert (await in_project(ann))["waiting"] == 1
        assert [unit["unit_id"] for unit in await claim(ann, 2)] == [GOLD[1]]


def test_a_word_that_comes_before_the_admission_or_late_ends_the_same() -> None:
    unit = UnitState("c1-ug", "c1", "c1-p", admitted=True, gold=True)
    held = hold_gold(unheard_of("c1-ug", "c1", "c1-p"), 2, held=True)
    assert held is not None
    assert hold_gold(held, 1, held=False) is None
    assert admit(held, unit) == hold_gold(unit, 2, held=True)
    assert not admit(held, unit).wants_labels  # type: ignore[union-attr]  # it is admitted by it


async def test_who_failed_by_gold_that_is_judged_no_more_goes_on_qualifying() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*(unit_event(name, AT_US, gold_label=b'"yes"') for name in GOLD))
        await estimated(desk, 1, 30, 26)
        async with desk.annotator("ann") as ann:
            assert (await in_project(ann))["why"]["code"] == "not_qualified"
            await estimated(desk, 2, 29, 26)
            assert (await in_project(ann))["qualification"]["standing"] == "qualifying"
            await estimated(desk, 3, 27, 26)
            assert "qualification" not in await in_project(ann), "by what is left they have passed"


def test_what_is_taken_back_from_before_the_attempt_never_leaves_more_right_than_answered() -> None:
    state: QualificationState | None = None
    for revision, (units, right) in enumerate([(30, 12), (31, 13), (30, 13), (12, 12), (3, 0), (17, 14)], start=1):
        state = hear(state, QualificationState("c1-p", "ann", revision, units, right), BAR) or state
        assert state is not None
        correct, answered = state.answered
        assert 0 <= correct <= answered
