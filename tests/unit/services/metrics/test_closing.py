"""Units are closed some at a time: others run between, and what they do in the middle of it changes no sum."""

from itertools import pairwise

import pytest

from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from services.metrics.domain.unit import GRACE_US, sent_back
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows

LOTS, UNITS, TOGETHER = 2, 25, 10
ACCEPTED_US = 1_000_000


@pytest.fixture(autouse=True)
def _together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.repository.rows.CLOSED_TOGETHER", TOGETHER)


def about() -> Metadata:
    return Metadata(event_id="e", client_id="k1", project_id="k1-p", occurred_at_us=ACCEPTED_US)


def filled(*, behind: bool = False) -> Rows:
    rows = Rows()
    rows.behind = behind
    served = Handlers(rows)
    for lot in range(LOTS):
        unit_ids = [f"k1-u{lot}-{number:02}" for number in range(UNITS)]
        for unit_id in unit_ids:
            admitted = UnitAdmitted(unit_id=unit_id, overlap_initial=2)
            served.units([UnitEvent(metadata=about(), unit_admitted=admitted)])
            for who in ("ann", "bob"):
                given = AnnotationSubmitted(
                    unit_id=unit_id, annotation_id=f"{unit_id}.{who}", annotator_id=who, label=b'"yes"', active_ms=900
                )
                served.annotations([AnnotationEvent(metadata=about(), annotation_submitted=given)])
            reached = ConsensusReached(unit_id=unit_id, label=b'"yes"', overlap_initial=2)
            served.resolutions([ResolutionEvent(metadata=about(), consensus_reached=reached)])
        served.units([UnitEvent(metadata=about(), lot_sealed=LotSealed(lot_id=f"k1-l{lot}", unit_ids=unit_ids))])
        taken = LotAccepted(lot_id=f"k1-l{lot}", lot_units=UNITS, inspected=5)
        served.lots([LotEvent(metadata=about(), lot_accepted=taken)])
    rows.whole_until_us = ACCEPTED_US + 2 * GRACE_US
    return rows


def test_others_run_between_a_few_units_each_of_which_is_whole() -> None:
    rows, before = filled(), filled().sums["k1-p"]
    steps = 0
    for steps, _ in enumerate(rows.closing(), start=1):
        closed = rows.closed_sums["k1-p"]
        assert len(rows.closed) <= steps * TOGETHER + LOTS
        assert rows.units_open + closed.survey.units == LOTS * UNITS
        assert rows.sums["k1-p"].tally == before.tally, "what is closed stays in the sums"
    assert steps == LOTS * -(-UNITS // TOGETHER)
    assert (rows.units_open, len(rows.closed), rows.lots) == (0, LOTS * UNITS + LOTS, {})
    closed = rows.closed_sums["k1-p"]
    assert closed.paces["ann"].annotations == LOTS * UNITS
    assert closed.survey.aspects[""].pairs.tables == {"ann\tbob": {('"yes"', '"yes"'): LOTS * UNITS}}


def test_a_walk_that_begins_in_the_middle_stops_it_and_the_rest_is_closed_another_time() -> None:
    rows = filled()
    closing = rows.closing()
    next(closing)
    with rows.walked():
        assert list(closing) == []
        assert rows.units_open == LOTS * UNITS - TOGETHER
        assert list(rows.closing()) == []
    list(rows.closing())
    assert (rows.units_open, rows.lots) == (0, {})
    assert rows.closed_sums["k1-p"].survey.units == LOTS * UNITS


def test_one_who_gives_up_in_the_middle_leaves_the_rest_to_be_closed() -> None:
    rows = filled()
    closing = rows.closing()
    next(closing)
    closing.close()  # type: ignore[attr-defined] # a generator, as its place may be lost meanwhile
    list(rows.closing())
    assert (rows.units_open, rows.lots) == (0, {})


def test_a_unit_that_is_sent_back_in_the_middle_stays_open_and_its_lot_with_it() -> None:
    rows = filled()
    closing = rows.closing()
    next(closing)
    unit_id = rows.lots["k1-l0"].unit_ids[-1]
    unit = rows.unit(unit_id, "k1-p", ACCEPTED_US)
    assert unit is not None
    sent_back(unit, 1)
    list(closing)
    assert rows.units_open == 1
    assert rows.lots["k1-l0"].unit_ids == (unit_id,)
    assert rows.sums["k1-p"].units_settled == LOTS * UNITS - 1


@pytest.mark.parametrize("together", [3, 1_000])
def test_what_is_closed_before_the_place_is_served_is_in_the_sums_as_if_it_had_been_counted_before(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RECOUNTED_TOGETHER", "TOUCHED_TOGETHER"):
        monkeypatch.setattr(f"services.metrics.repository.rows.{name}", together)
    rows, live = filled(behind=True), filled()
    assert not rows.sums["k1-p"].tally.rows, "nobody looks at the sums yet"
    for closing in (rows.closing(), live.closing()):
        list(closing)
    assert (rows.units_open, rows.lots) == (0, {})
    rows.begin()
    live.begin()  # whose labels are not new to anybody then either
    assert rows.sums == live.sums
    assert rows.closed_sums == live.closed_sums


def test_what_waits_to_be_counted_is_counted_some_units_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.repository.rows.RECOUNTED_TOGETHER", TOGETHER)
    rows, counted = filled(behind=True), filled().sums["k1-p"]
    labels = [0, *[rows.sums["k1-p"].labels for _ in rows.settling()]]
    assert [now - before for before, now in pairwise(labels)] == [2 * TOGETHER] * (LOTS * UNITS // TOGETHER)
    assert rows.sums["k1-p"].tally == counted.tally
