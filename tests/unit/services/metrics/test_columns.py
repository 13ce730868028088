"""What lies in columns while a place is behind is counted, closed, kept and walked through as if it had rows."""

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationRevised, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent, LotRejected
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    Escalated,
    GoldFlagged,
    ReferredBack,
    ResolutionEvent,
    RuledUnanswerable,
)
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitErased, UnitEvent
from services.metrics.book import Book
from services.metrics.domain import columns as columns_module
from services.metrics.domain.columns import Columns
from services.metrics.domain.fatigue import nobody_is_watched
from services.metrics.domain.standing import Standing
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import GRACE_US, Unit
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows
from tests.support.book import MemoryParts

HOUR_US = 3_600_000_000
BEGUN_US, ACCEPTED_US = 400_000 * HOUR_US, 400_030 * HOUR_US
PROJECTS, UNITS, LOT_UNITS, BATCH = ("k1-p", "k1-q"), 60, 12, 25
PEOPLE = ("ann", "bob", "cem", "dee", "eve", "fay")
LABELS = (b'"yes"', b'"no"', b"3", '"ü"'.encode())
ODD_LABELS = (b'{"answers":{"a":"x","b":2}}', b'{"answers":{"a":"y"}}', b'{"spans":[]}', b'"' + b"long" * 40 + b'"')

Told = tuple[str, Any]
"""Which of `Handlers` takes an event, and the event."""


class History:
    """What may be told of units, most of it plain: the less, the greater `odd`."""

    def __init__(self, seed: int, odd: float) -> None:
        self.random = random.Random(seed)
        self.odd = odd
        self.told: list[Told] = []
        for project_id in PROJECTS:
            for lot in range(0, UNITS, LOT_UNITS):
                unit_ids = [f"{project_id}-u{number:02}" for number in range(lot, lot + LOT_UNITS)]
                for unit_id in unit_ids:
                    self._unit(project_id, unit_id)
                if project_id == PROJECTS[1]:  # which should not be, and is a unit of its own project then
                    unit_ids.append(f"{PROJECTS[0]}-stray{lot}")
                    self._unit(PROJECTS[0], unit_ids[-1])
                self._lot(project_id, f"{project_id}-l{lot}", unit_ids)

    def _is_odd(self) -> bool:
        return self.random.random() < self.odd

    def _about(self, project_id: str, at_us: int) -> Metadata:
        return Metadata(event_id="e", client_id="k1", project_id=project_id, occurred_at_us=at_us)

    def _unit(self, project_id: str, unit_id: str) -> None:
        draw = self.random
        admitted = UnitAdmitted(unit_id=unit_id, overlap_initial=draw.choice((0, 1, 2, 3, 3, 3)))
        admitted.stratum, admitted.media_type = draw.choice(("", "law", "art")), draw.choice(("", "text/plain; x=y"))
        if draw.random() < 0.3:
            admitted.content_length, admitted.uncertainty = draw.randrange(5_000), draw.random()
        if draw.random() < 0.4:
            admitted.suggested_label, admitted.suggestion_hidden = draw.choice(LABELS), draw.random() < 0.5
        if self._is_odd():
            admitted.suggested_label = draw.choice((*ODD_LABELS, b'"' + b"drawn" * 200 + b'"'))
        if self._is_odd():
            admitted.gold_label = draw.choice(LABELS)
        at_us = BEGUN_US + draw.randrange(20) * HOUR_US + draw.randrange(10**9)
        self._tell("units", UnitEvent(metadata=self._about(project_id, at_us), unit_admitted=admitted))
        people = draw.sample(PEOPLE, draw.choice((0, 1, 2, 3, 3, 3, 4)))
        for number, annotator_id in enumerate(people):
            self._label(project_id, unit_id, number, annotator_id)
        self._settled(project_id, unit_id)
        if self._is_odd():
            erased = UnitErased(unit_id=unit_id)
            self._tell("units", UnitEvent(metadata=self._about(project_id, at_us), unit_erased=erased))

    def _label(self, project_id: str, unit_id: str, number: int, annotator_id: str) -> None:
        draw = self.random
        given = AnnotationSubmitted(
            unit_id=unit_id,
            annotation_id=f"{unit_id}.{number}",
            annotator_id=draw.choice(PEOPLE) if self._is_odd() else annotator_id,
            label=draw.choice(ODD_LABELS) if self._is_odd() else draw.choice(LABELS),
            active_ms=draw.choice((0, draw.randrange(1_000), draw.randrange(100_000), 4_294_967_295)),
            schema_version=draw.choice((0, 1, 1, 2)),
            guideline_version=draw.choice((0, 1, 1, 2)),
            rework=draw.choice((1, 2)) if self._is_odd() else 0,
            referral=1 if self._is_odd() else 0,
            late=self._is_odd(),
            by_model=self._is_odd(),
        )
        if self._is_odd():
            given.shown_first[""] = "a"
        at_us = BEGUN_US + draw.randrange(25 * HOUR_US)
        if self._is_odd():
            at_us = ACCEPTED_US + draw.choice((GRACE_US, GRACE_US + 1, 3 * GRACE_US))
        about = self._about(project_id, at_us)
        self._tell("annotations", AnnotationEvent(metadata=about, annotation_submitted=given))
        if self._is_odd():  # of one that comes twice the first stands
            again = AnnotationSubmitted.FromString(given.SerializeToString())
            again.annotator_id = draw.choice((given.annotator_id, *PEOPLE))
            self._tell("annotations", AnnotationEvent(metadata=about, annotation_submitted=again))
        if self._is_odd():
            revised = AnnotationRevised(
                unit_id=unit_id,
                annotation_id=given.annotation_id,
                annotator_id=given.annotator_id,
                label=draw.choice(LABELS),
                active_ms=given.active_ms,
                revision=draw.choice((1, 2)),
                rework=given.rework,
                referral=given.referral,
                schema_version=given.schema_version,
                guideline_version=given.guideline_version,
                by_model=given.by_model,
                submitted_at_us=at_us,
            )
            self._tell("annotations", AnnotationEvent(metadata=about, annotation_revised=revised))

    def _settled(self, project_id: str, unit_id: str) -> None:
        draw, about = self.random, self._about(project_id, BEGUN_US)
        rework, asked = (1 if self._is_odd() else 0), draw.choice((0, 3, 3))
        if draw.random() < 0.3:
            escalated = Escalated(unit_id=unit_id, rework=rework, overlap_initial=asked, referral=int(self._is_odd()))
            self._tell("resolutions", ResolutionEvent(metadata=about, escalated=escalated))
        kind = draw.random()
        label = draw.choice(ODD_LABELS) if self._is_odd() else draw.choice(LABELS)
        if kind < 0.7:
            reached = ConsensusReached(unit_id=unit_id, label=label, rework=rework, overlap_initial=asked)
            if self._is_odd():
                reached.referrals.add()
            self._tell("resolutions", ResolutionEvent(metadata=about, consensus_reached=reached))
        elif kind < 0.85:
            ruled = Adjudicated(unit_id=unit_id, label=label, rework=rework, overlap_initial=asked)
            self._tell("resolutions", ResolutionEvent(metadata=about, adjudicated=ruled))
        elif kind < 0.95:
            none = RuledUnanswerable(unit_id=unit_id, rework=rework, overlap_initial=asked)
            self._tell("resolutions", ResolutionEvent(metadata=about, ruled_unanswerable=none))
        if self._is_odd():
            back = ReferredBack(unit_id=unit_id, rework=rework, referral=1)
            self._tell("resolutions", ResolutionEvent(metadata=about, referred_back=back))
        if self._is_odd():
            flagged = GoldFlagged(unit_id=unit_id, revision=1)
            self._tell("resolutions", ResolutionEvent(metadata=about, gold_flagged=flagged))

    def _lot(self, project_id: str, lot_id: str, unit_ids: Sequence[str]) -> None:
        about = self._about(project_id, ACCEPTED_US)
        self._tell("units", UnitEvent(metadata=about, lot_sealed=LotSealed(lot_id=lot_id, unit_ids=unit_ids)))
        if self._is_odd():
            rejected = LotRejected(lot_id=lot_id, unit_ids=unit_ids[:3], on_reject="relabel")
            self._tell("lots", LotEvent(metadata=about, lot_rejected=rejected))
        if self._is_odd():  # of another lot, too, or of another project's
            unit_ids = [*unit_ids[:2], f"{PROJECTS[0]}-u00"]
            sealed = LotSealed(lot_id=f"{lot_id}x", unit_ids=unit_ids)
            self._tell("units", UnitEvent(metadata=about, lot_sealed=sealed))
            accepted = LotAccepted(lot_id=f"{lot_id}x", lot_units=len(unit_ids))
            later = self._about(project_id, ACCEPTED_US + 1)
            self._tell("lots", LotEvent(metadata=later, lot_accepted=accepted))
        if self.random.random() < 0.8:
            accepted = LotAccepted(lot_id=lot_id, lot_units=len(unit_ids), inspected=2)
            self._tell("lots", LotEvent(metadata=about, lot_accepted=accepted))

    def _tell(self, of: str, event: Any) -> None:
        self.told.append((of, event))

    def batches(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield it as it may be heard: topics run ahead of each other, and some of it comes twice."""
        told = [*self.told, *self.random.sample(self.told, len(self.told) // 20)]
        if self.random.random() < 0.5:
            self.random.shuffle(told)
        else:
            told.sort(key=lambda entry: self.random.random() + 1.5 * (entry[0] == "lots"))
        for begin in range(0, len(told), BATCH):
            for of in ("units", "annotations", "resolutions", "lots"):
                if events := [event for to, event in told[begin : begin + BATCH] if to == of]:
                    yield of, events


def caught_up(batches: Sequence[tuple[str, list[Any]]], monkeypatch: pytest.MonkeyPatch, *, columns: bool) -> Rows:
    """Return rows behind that were told all this: with columns, or all in rows as in a place that is served."""
    rows = Rows()
    rows.behind, handlers = True, Handlers(rows)
    with monkeypatch.context() as patched:
        if not columns:
            patched.setattr(Columns, "has_room", False)
        for of, events in batches:
            getattr(handlers, of)(events)
    return rows


def parts_of(sums: Sums) -> Sums:
    """Return sums without who has nothing left in them, and without what may be of a label that came too late."""
    standings = {name: found for name, found in sums.standings.items() if found != Standing()}
    return replace(sums, standings=standings, newest_us=0)


def assert_same(rows: Rows, other: Rows) -> None:
    """Hold everything that rows hold against others that never had columns."""
    assert dict(rows.open.walk()) == dict(other.open.walk())
    assert rows.lots == other.lots
    assert (len(rows.closed), rows.units_open) == (len(other.closed), other.units_open)
    assert all(unit_id in other.closed for project in PROJECTS for unit_id in ids_of(project) if unit_id in rows.closed)
    assert {name: parts_of(sums) for name, sums in rows.sums.items()} == {
        name: parts_of(sums) for name, sums in other.sums.items()
    }
    assert rows.closed_sums == other.closed_sums
    assert (rows.crowds, rows.estimated) == (other.crowds, other.estimated)


def ids_of(project_id: str) -> list[str]:
    return [f"{project_id}-u{number:02}" for number in range(UNITS)]


@pytest.fixture(params=[7, 2_000])
def _together(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.repository.behind.CLOSED_AS_ARRAYS", request.param)
    monkeypatch.setattr("services.metrics.repository.rows.RECOUNTED_TOGETHER", request.param)


@pytest.mark.usefixtures("_together")
@pytest.mark.parametrize("odd", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_told_in_whatever_order_is_counted_and_closed_as_in_rows(
    seed: int, odd: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = list(History(seed, odd).batches())
    rows, other = (caught_up(batches, monkeypatch, columns=columns) for columns in (True, False))
    assert rows.open.columns
    assert not other.open.columns
    by_arrays = 0
    for found in (rows, other):
        found.whole_until_us = ACCEPTED_US + 2 * GRACE_US + 1
        before = len(found.open.columns)
        for _ in found._closing_columns():
            pass
        by_arrays += before - len(found.open.columns)
        list(found.closing())
        found.begin()
    assert by_arrays, "the test tells something"
    assert_same(rows, other)
    assert not rows.open.columns


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_read_off_the_columns_as_they_would_be(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = list(History(seed, 0.02).batches())
    rows, other = (caught_up(batches, monkeypatch, columns=columns) for columns in (True, False))
    for _ in other.settling():
        pass
    wanted = {unit_id: msgspec.structs.replace(unit, counted=Unit().counted) for unit_id, unit in other.open.walk()}
    walked = {unit_id: msgspec.structs.replace(unit, counted=Unit().counted) for unit_id, unit in rows.open.walk()}
    assert walked == wanted
    read: dict[str, Unit] = {}
    for part in rows.open.parts(7):
        assert len(part) <= 7
        read |= msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=dict[str, Unit])
    assert {unit_id: msgspec.structs.replace(unit, counted=Unit().counted) for unit_id, unit in read.items()} == wanted
    units, _ = rows.take_dirty()
    assert units == set(wanted), "all of it is kept with the next book"
    assert len(rows.open.columns) > LOT_UNITS, "and stays in the columns"
    handlers = Handlers(rows)
    unit_id = next(iter(rows.open.columns))
    admitted = UnitAdmitted(unit_id=unit_id, overlap_initial=3)
    about = Metadata(event_id="e", client_id="k1", project_id=unit_id[:4], occurred_at_us=BEGUN_US)
    handlers.units([UnitEvent(metadata=about, unit_admitted=admitted)])
    assert rows.take_dirty()[0] == {unit_id}


@pytest.mark.parametrize("every", [1, 7])
def test_a_unit_that_gets_a_row_in_the_middle_is_walked_through_and_kept_once(every: int) -> None:
    rows = Rows()
    rows.behind, handlers = True, Handlers(rows)
    for of, events in History(1, 0.0).batches():
        getattr(handlers, of)(events)
    there = dict(rows.open.walk())
    assert len(rows.open.columns) > LOT_UNITS
    seen: list[str] = []
    for number, (unit_id, _) in enumerate(rows.open.walk()):
        seen.append(unit_id)
        if number % every == 0 and rows.open.columns:
            rows._to_rows(rows.open.columns.some(2))
    assert sorted(seen) == sorted(there)
    rows = Rows()
    rows.behind, handlers = True, Handlers(rows)
    for of, events in History(1, 0.0).batches():
        getattr(handlers, of)(events)
    kept: list[str] = []
    for part in rows.open.parts(every):
        kept += part
        rows._to_rows(rows.open.columns.some(2 * every))
    assert sorted(kept) == sorted(there)


def test_names_have_a_bound_and_what_comes_then_has_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "NAMES_MAX", 40)
    batches = list(History(1, 0.0).batches())
    rows, other = (caught_up(batches, monkeypatch, columns=columns) for columns in (True, False))
    assert 0 < len(rows.open.columns) < len(PROJECTS) * UNITS / 2
    for found in (rows, other):
        found.whole_until_us = ACCEPTED_US + 2 * GRACE_US + 1
        list(found.closing())
        found.begin()
    assert_same(rows, other)


def test_labels_of_a_project_whose_people_are_watched_from_now_on_have_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    watched: set[str] = set()
    asked: list[str] = []

    def watch(project_id: str) -> None:
        asked.append(project_id)
        nobody_is_watched(project_id)

    rows = Rows(watch)
    rows.behind, handlers = True, Handlers(rows)
    told = [event for of, event in History(3, 0.0).told if of == "annotations"]
    handlers.annotations(told[:4])
    before = len(rows.open.columns)
    assert before
    assert set(asked) <= set(PROJECTS)
    assert not watched
    monkeypatch.setattr(rows, "watch", lambda project_id: object())
    monkeypatch.setattr(rows, "_timed", lambda unit, annotation, watch: watched.add(annotation.annotator_id))
    handlers.annotations(told[4:8])
    assert watched == {event.annotation_submitted.annotator_id for event in told[4:8]}
    assert len(rows.open.columns) <= before


def test_a_unit_in_the_columns_takes_a_third_of_the_kilobyte_that_it_may() -> None:
    rows = Rows()
    rows.behind, handlers, units = True, Handlers(rows), 5_000
    about = Metadata(event_id="e", client_id="k1", project_id="k1-p", occurred_at_us=ACCEPTED_US)
    for number in range(units):
        unit_id = f"k1-uxl{number:026}"
        handlers.units([UnitEvent(metadata=about, unit_admitted=UnitAdmitted(unit_id=unit_id, overlap_initial=3))])
        for who in range(3):
            given = AnnotationSubmitted(
                unit_id=unit_id, annotation_id=f"{unit_id}.{who:010}", annotator_id=f"a{who}", label=b'"yes"'
            )
            handlers.annotations([AnnotationEvent(metadata=about, annotation_submitted=given)])
    columns = rows.open.columns
    assert len(columns) == units
    arrays = [value for value in vars(columns).values() if hasattr(value, "itemsize")]
    held = sys.getsizeof(columns.labels_told) + sum(len(column) * column.itemsize for column in arrays)
    held += sys.getsizeof(columns.annotation_ids) + sum(map(sys.getsizeof, columns.annotation_ids))
    held += sys.getsizeof(columns._numbers) + sum(map(sys.getsizeof, columns)) + 32 * units
    assert held / units < 750


@pytest.mark.parametrize("odd", [0.0, 0.02])
@pytest.mark.parametrize("seed", range(4))
async def test_a_book_that_is_kept_meanwhile_is_taken_up_in_rows(seed: int, odd: float) -> None:
    batches = list(History(seed, odd).batches())
    rows, parts = Rows(), MemoryParts()
    rows.behind, handlers, kept = True, Handlers(rows), Book("one", 3, rows, parts, _at_once)
    for of, events in batches[: len(batches) // 2]:
        getattr(handlers, of)(events)
    assert rows.open.columns
    await kept.keep({"log": 1})
    assert rows.open.columns, "to be kept costs no unit its place"
    for of, events in batches[len(batches) // 2 : -4]:
        getattr(handlers, of)(events)
    await kept.keep({"log": 2})
    heir = Rows()
    heir.behind = True
    assert await Book("two", 3, heir, parts, _at_once).take_up() == {"log": 2}
    for of, events in batches[-4:]:
        getattr(handlers, of)(events)
        getattr(Handlers(heir), of)(events)
    for found in (rows, heir):
        found.whole_until_us = ACCEPTED_US + 2 * GRACE_US + 1
        list(found.closing())
    assert rows.closed.count
    for found in (rows, heir):
        found.begin()
    assert dict(rows.open.walk()) == dict(heir.open.walk())
    assert (rows.lots, rows.closed_sums, len(rows.closed)) == (heir.lots, heir.closed_sums, len(heir.closed))
    await kept.keep({"log": 3})
    last = Rows()
    assert await Book("three", 3, last, parts, _at_once).take_up() == {"log": 3}
    assert dict(last.open.walk()) == dict(rows.open.walk())
    assert last.closed_sums == rows.closed_sums


async def _at_once() -> None:
    return
