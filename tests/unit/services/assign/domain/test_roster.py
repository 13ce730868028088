"""The roster: which state follows which, when a pause is over, and who is found."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assign.domain.eligibility import AnnotatorState, AtWork, Credential, define, revised
from services.assign.domain.pool import Pool
from services.assign.domain.refusals import StateRefused
from services.assign.domain.roster import LEADS_TO, Sought, arrived, at_work, changed

STATES: tuple[AtWork, ...] = get_args(AtWork)
ANN = AnnotatorState("ann", revision=1, skills=("de",))


@pytest.mark.parametrize(("before", "wanted"), list(itertools.product(STATES, STATES)))
def test_a_state_is_followed_by_those_that_may_and_a_refusal_names_them(before: AtWork, wanted: AtWork) -> None:
    annotator = AnnotatorState("ann", revision=1, state=before)
    if wanted == before or wanted in LEADS_TO[before]:
        assert changed(annotator, wanted, 7).state == wanted
        return
    with pytest.raises(StateRefused) as refusal:
        changed(annotator, wanted, 7)
    assert refusal.value.field == "state"
    assert all(name in refusal.value.cure for name in LEADS_TO[before])


def test_a_pause_ends_by_itself_and_leads_back_to_what_was_before() -> None:
    qualifying = changed(ANN, "qualifying", 5)
    paused = changed(qualifying, "paused", 10, "On leave.", 20)
    assert (paused.reason, paused.since_us, at_work(paused, 19), at_work(paused, 20)) == (
        "On leave.",
        10,
        "paused",
        "qualifying",
    )
    assert changed(paused, "active", 25).state == "active"
    longer = changed(paused, "paused", 15, "Ill.", 40)
    assert (at_work(longer, 39), at_work(longer, 40), longer.since_us) == ("paused", "qualifying", 10)


@pytest.mark.parametrize(("wanted", "until_us"), [("active", 20), ("paused", 9), ("paused", 10)])
def test_only_a_pause_has_an_end_and_it_is_to_come(wanted: AtWork, until_us: int) -> None:
    with pytest.raises(StateRefused) as refusal:
        changed(ANN, wanted, 10, until_us=until_us)
    assert refusal.value.field == "until"


def test_who_was_invited_is_active_once_they_come_and_nobody_else_changes() -> None:
    invited = AnnotatorState("ann", revision=1, state="invited")
    came = arrived(invited, 9)
    assert came is not None
    assert (came.state, came.since_us, came.revision) == ("active", 9, 2)
    assert [arrived(AnnotatorState("ann", state=state), 9) for state in STATES if state != "invited"] == [None] * 4


def test_defining_somebody_anew_leaves_whether_they_are_at_work() -> None:
    paused = revised(ANN, changed(ANN, "paused", 10, "On leave."))
    assert paused is not None
    anew = define(paused, AnnotatorState("ann", skills=("fr",)))
    assert anew is not None
    assert (anew.skills, anew.state, anew.reason, anew.revision) == (("fr",), "paused", "On leave.", 3)
    assert define(anew, AnnotatorState("ann", skills=("fr",))) is None


NAMES = st.text("abü/", min_size=1, max_size=3)
PEOPLE = st.lists(
    st.builds(
        AnnotatorState,
        NAMES,
        revision=st.just(1),
        kind=st.sampled_from(["human", "model"]),
        skills=st.sampled_from([(), ("de",), ("de", "law")]),
        credentials=st.sampled_from([(), (Credential("law", 50),), (Credential("law", 5),)]),
        vendor=st.sampled_from(["", "North"]),
        languages=st.sampled_from([(), ("de",)]),
        state=st.sampled_from(STATES),
    ),
    unique_by=lambda annotator: annotator.annotator_id,
    max_size=12,
)
SOUGHT = st.builds(
    Sought,
    state=st.sampled_from([None, *STATES]),
    kind=st.sampled_from([None, "human", "model"]),
    skill=st.sampled_from(["", "de", "law"]),
    language=st.sampled_from(["", "de"]),
    vendor=st.sampled_from(["", "North"]),
    text=st.sampled_from(["", "A", "nor", "ü"]),
)


@given(PEOPLE, SOUGHT, st.integers(1, 5), st.integers(1, 4))
def test_pages_hold_everybody_who_is_looked_for_once_and_in_order_however_few_are_looked_at(
    people: list[AnnotatorState], sought: Sought, size: int, looks: int
) -> None:
    pool = Pool()
    for person in people:
        pool.settle(person)
    found: list[str] = []
    after: str = ""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.assign.domain.pool.LOOKS_MAX", looks)
        for _ in range(len(people) + 1):
            page, after = pool.page(sought, after, 10, size)
            assert len(page) <= size
            found += [annotator.annotator_id for annotator in page]
            if not after:
                break
    assert not after
    assert found == sorted(annotator.annotator_id for annotator in people if sought.holds(annotator, 10))


def test_who_is_retired_is_counted_on_for_nothing() -> None:
    pool = Pool()
    pool.settle(AnnotatorState("ann", revision=1, skills=("de",)))
    pool.settle(AnnotatorState("bob", revision=1, skills=("de",)))
    assert pool.fit_for((), 1) == pool.fit_for(("de",), 1) == {"ann", "bob"}
    pool.settle(AnnotatorState("bob", revision=2, skills=("de",), state="retired"))
    assert pool.fit_for((), 1) == pool.fit_for(("de",), 1) == {"ann"}
    pool.settle(AnnotatorState("bob", revision=3, skills=("de",)))
    assert pool.fit_for((), 1) == pool.fit_for(("de",), 1) == {"ann", "bob"}
