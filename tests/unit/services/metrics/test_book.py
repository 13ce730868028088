"""The book: whatever is kept, when, and by whom, a new life that reads on from it has the same sums."""

import contextlib
import random
from collections.abc import Callable

import pytest

from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent, LotPlan
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from services.metrics.book import Book
from services.metrics.domain.closed import Closed
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import GRACE_US, Unit
from services.metrics.handlers import Handlers
from services.metrics.repository import Rows
from tests.support.book import MemoryParts

PROJECT = "k1-p"
LOTS, LOT_UNITS = 5, 8
PLAN = LotPlan(kind="single", lot_units=8, aql=0.01, ltpd=0.4, alpha=0.05, beta=0.1, sample_size=5, accept_max=1)
LATER_US = 10 * GRACE_US
Step = Callable[[Handlers], None]


@pytest.fixture(autouse=True, params=["all rows there", "most rows resting", "few changes kept"])
def _bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "most rows resting":
        monkeypatch.setattr("services.metrics.domain.open_units.TOUCHED_MAX", 2)
    if request.param == "few changes kept":
        for name, bound in (("CHANGES_MAX", 2), ("UNITS_A_PART", 3), ("LOTS_A_PART", 2)):
            monkeypatch.setattr(f"services.metrics.book.{name}", bound)


async def breathe() -> None:
    return


def book(parts: MemoryParts, tenure: str = "one") -> tuple[Book, Handlers]:
    rows = Rows()
    return Book(tenure, 3, rows, parts, breathe), Handlers(rows)


def close(rows: Rows) -> None:
    """Close what may be closed long after everything."""
    rows.whole_until_us = LATER_US
    list(rows.closing())


def told(at_us: int) -> Metadata:
    return Metadata(event_id="e", client_id="k1", project_id=PROJECT, occurred_at_us=at_us)


def log_of(seed: int) -> list[Step]:
    """Return one log's events as calls of the handlers, in an order that keeps no more than a key's own."""
    generator = random.Random(seed)
    steps: list[list[Step]] = []
    for lot in range(LOTS):
        unit_ids = [f"k1-u{lot}x{number}" for number in range(LOT_UNITS)]
        for unit_id in unit_ids:
            gold = b'"yes"' if generator.random() < 0.2 else None
            admitted = UnitAdmitted(unit_id=unit_id, gold_label=gold, overlap_initial=2)
            steps.append([_units(UnitEvent(metadata=told(1), unit_admitted=admitted))])
            labels = [generator.choice([b'"yes"', b'"no"']) for _ in range(3)]
            steps.append([_annotation(unit_id, place, label) for place, label in enumerate(labels, start=1)])
            if not gold:
                reached = ConsensusReached(
                    unit_id=unit_id, label=labels[0], overlap_initial=generator.choice([0, 2, 3])
                )
                event = ResolutionEvent(metadata=told(5), consensus_reached=reached)
                steps.append([_resolutions(event)])
        sealed = UnitEvent(metadata=told(2), lot_sealed=LotSealed(lot_id=f"k1-l{lot}", unit_ids=unit_ids))
        steps.append([_units(sealed)])
        if lot % 2 == 0:
            accepted = LotAccepted(lot_id=f"k1-l{lot}", inspected=5, errors=1, lot_units=LOT_UNITS, plan=PLAN)
            lot_event = LotEvent(metadata=told(1_000_000 * (lot + 1)), lot_accepted=accepted)
            steps.append([_lots(lot_event)])
    generator.shuffle(steps)
    return [step for group in steps for step in group]


def _units(event: UnitEvent) -> Step:
    return lambda served: served.units([event])


def _resolutions(event: ResolutionEvent) -> Step:
    return lambda served: served.resolutions([event])


def _lots(event: LotEvent) -> Step:
    return lambda served: served.lots([event])


def _annotation(unit_id: str, place: int, label: bytes) -> Step:
    submitted = AnnotationSubmitted(
        unit_id=unit_id,
        annotation_id=f"{unit_id}.{place}",
        annotator_id=f"a{place}",
        label=label,
        active_ms=100 * place,
    )
    event = AnnotationEvent(metadata=told(3), annotation_submitted=submitted)
    return lambda served: served.annotations([event])


def sums(served: Handlers) -> Sums:
    return served.rows.sums[PROJECT]


def played(steps: list[Step], served: Handlers) -> Handlers:
    for step in steps:
        step(served)
    return served


@pytest.mark.parametrize("seed", range(8))
async def test_a_life_that_takes_up_the_book_and_reads_on_has_the_sums_of_one_that_read_everything(seed: int) -> None:
    steps, generator = log_of(seed), random.Random(seed)
    expected = sums(played(steps, book(MemoryParts())[1]))
    parts = MemoryParts()
    _, served = book(parts)
    for life in range(4):
        kept, served = book(parts, f"life-{life}")
        taken_up = await kept.take_up()
        # What was kept may be newer than the position it was kept under, and reading on tells it again.
        position = max(0, taken_up.get("log", 0) - generator.randrange(4))
        until = len(steps) if life == 3 else generator.randrange(position, len(steps) + 1)
        for number in range(position, until):
            steps[number](served)
            if generator.random() < 0.1:
                await kept.keep({"log": number + 1})
    assert sums(served) == expected


@pytest.mark.parametrize("together", [1, 3, 1_000])
@pytest.mark.parametrize("seed", range(4))
async def test_a_life_that_is_behind_counts_later_and_the_same(
    seed: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RECOUNTED_TOGETHER", "TOUCHED_TOGETHER"):
        monkeypatch.setattr(f"services.metrics.repository.rows.{name}", together)
    steps, generator, parts = log_of(seed), random.Random(seed), MemoryParts()
    expected = sums(played(steps, book(MemoryParts())[1]))
    kept, served = book(parts)
    for life in range(4):
        kept, served = book(parts, f"life-{life}")
        served.rows.behind = True
        position = (await kept.take_up()).get("log", 0)
        for number in range(position, len(steps) if life == 3 else generator.randrange(position, len(steps) + 1)):
            steps[number](served)
            if generator.random() < 0.2:
                await kept.keep({"log": number + 1})
    served.rows.begin()
    assert sums(served) == expected
    again, heir = book(parts, "heir")
    await kept.keep({"log": len(steps)})
    await again.take_up()
    assert sums(heir) == expected


def test_while_a_place_is_behind_a_unit_is_recounted_once_and_not_for_every_topic() -> None:
    _, served = book(MemoryParts())
    rows = served.rows
    rows.behind = True
    admitted = UnitAdmitted(unit_id="k1-u1", overlap_initial=2)
    _units(UnitEvent(metadata=told(1), unit_admitted=admitted))(served)
    for place in (1, 2):
        _annotation("k1-u1", place, b'"yes"')(served)
    assert PROJECT not in rows.sums
    rows.begin()
    assert (rows.sums[PROJECT].labels, rows.sums[PROJECT].waiting_us) == (2, [])
    _annotation("k1-u1", 3, b'"yes"')(served)
    assert (rows.sums[PROJECT].labels, len(rows.sums[PROJECT].waiting_us)) == (3, 1)


async def test_closed_units_keep_their_part_in_the_sums_and_are_never_opened_again() -> None:
    steps = log_of(99)
    parts = MemoryParts()
    kept, served = book(parts)
    before = sums(played(steps, served))
    open_before = served.rows.units_open
    close(served.rows)
    assert served.rows.units_open < open_before
    await kept.keep({"log": len(steps)})
    again, heir = book(parts, "two")
    await again.take_up()
    played(steps, heir)
    played(steps, served)
    assert heir.rows.units_open == served.rows.units_open == open_before - len(served.rows.closed)
    assert sums(served) == sums(heir) == before


async def test_a_unit_closed_while_the_book_is_written_counts_once() -> None:
    steps, parts = log_of(7), MemoryParts()
    rows = Rows()
    served = Handlers(rows)

    async def close_meanwhile() -> None:
        close(rows)

    expected = sums(played(steps, served))
    await Book("one", 3, rows, parts, close_meanwhile).keep({"log": len(steps)})
    assert len(rows.closed)
    again, heir = book(parts, "two")
    await again.take_up()
    assert sums(heir) == expected


async def test_a_write_that_was_not_acknowledged_leaves_the_book_before_whole() -> None:
    steps, parts = log_of(3), MemoryParts()
    kept, served = book(parts)
    played(steps[:30], served)
    await kept.keep({"log": 30})
    played(steps[30:], served)
    parts.failing = True
    with pytest.raises(TimeoutError):
        await kept.keep({"log": len(steps)})
    parts.failing = False
    again, heir = book(parts, "two")
    assert await again.take_up() == {"log": 30}
    played(steps[30:], heir)
    assert sums(heir) == sums(served)
    await kept.keep({"log": len(steps)})
    last, third = book(parts, "three")
    assert await last.take_up() == {"log": len(steps)}
    assert sums(third) == sums(served)


async def test_a_life_thought_dead_spoils_nobody_elses_book() -> None:
    steps, parts = log_of(4), MemoryParts()
    zombie, paused = book(parts, "zombie")
    played(steps[:20], paused)
    await zombie.keep({"log": 20})
    kept, served = book(parts, "alive")
    await kept.take_up()
    played(steps[20:], served)
    await kept.keep({"log": len(steps)})
    played(steps[20:21], paused)
    await zombie.keep({"log": 21})
    again, heir = book(parts, "heir")
    assert await again.take_up() == {"log": len(steps)}
    assert sums(heir) == sums(served)


async def test_a_part_larger_than_a_record_is_cut_and_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.book.PIECE_BYTES", 50)
    steps, parts = log_of(5), MemoryParts()
    kept, served = book(parts)
    played(steps, served)
    close(served.rows)
    await kept.keep({"log": len(steps)})
    assert max(len(value) for name, value in parts.pieces[3].items() if not name.endswith(b"manifest")) <= 50
    again, heir = book(parts, "two")
    await again.take_up()
    assert sums(heir) == sums(served)


async def test_what_is_written_goes_by_what_changed_and_what_is_read_by_what_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.metrics.book.CHANGES_MAX", 400)
    monkeypatch.setattr("services.metrics.book.UNITS_A_PART", 500)
    parts = CountingParts()
    kept, served = book(parts)
    many = [_units(UnitEvent(metadata=told(1), unit_admitted=UnitAdmitted(unit_id=f"k1-u{n}"))) for n in range(3_000)]
    played(many, served)
    await kept.keep({"log": 0})
    whole, rounds = parts.bytes_written, 40
    for number in range(rounds):
        played([_annotation(f"k1-u{number}", 1, b'"yes"')], served)
        await kept.keep({"log": number})
    assert (parts.bytes_written - whole) / rounds < whole / 5, "one unit's row, and not those of all that are open"
    assert parts.pieces_written < whole // 100 + 10 * rounds
    assert sum(map(len, parts.pieces[3].values())) < 4 * whole
    again, heir = book(parts, "two")
    await again.take_up()
    assert sums(heir) == sums(served)


async def test_rows_that_are_taken_up_rest_until_something_is_told_of_them() -> None:
    steps, parts = log_of(7), MemoryParts()
    kept, served = book(parts)
    played(steps, served)
    await kept.keep({"log": 0})
    played(steps[: len(steps) // 2], served)  # so that some are among the changes
    await kept.keep({"log": len(steps)})
    again, heir = book(parts, "two")
    await again.take_up()
    rows = {unit_id: row for part in heir.rows.open.parts(100) for unit_id, row in part.items()}
    golden = {unit_id for unit_id, unit in served.rows.open.walk() if unit.gold}
    assert len(rows) == served.rows.units_open > len(golden) > 0
    assert {unit_id for unit_id, row in rows.items() if isinstance(row, Unit)} == golden
    assert dict(heir.rows.open.walk()) == dict(served.rows.open.walk())


async def test_what_was_closed_since_all_rows_were_written_is_not_opened_by_them_once_it_is_forgotten() -> None:
    steps, parts = log_of(99), MemoryParts()
    kept, served = book(parts)
    played(steps, served)
    await kept.keep({"log": 0})
    open_before = served.rows.units_open
    close(served.rows)
    await kept.keep({"log": len(steps)})
    served.rows.closed = Closed(LATER_US)  # as after a month
    served.rows.sums_of(PROJECT)
    played([_units(UnitEvent(metadata=told(2 * LATER_US), unit_admitted=UnitAdmitted(unit_id="k1-new")))], served)
    await kept.keep({"log": len(steps) + 1})
    again, heir = book(parts, "two")
    await again.take_up()
    assert heir.rows.units_open == served.rows.units_open < open_before


async def test_what_was_to_go_and_did_not_is_kept_when_it_was_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.book.CHANGES_MAX", 1)
    steps, parts = log_of(6), CountingParts()
    kept, served = book(parts)
    for number, step in enumerate(steps):
        step(served)
        parts.failing_to_remove = number % 2 == 0
        with contextlib.suppress(TimeoutError):
            await kept.keep({"log": number + 1})
        parts.failing_to_remove = False
        again, heir = book(parts, f"heir-{number}")
        await again.take_up()
        assert sums(heir) == sums(served)


class CountingParts(MemoryParts):
    """Counts what is written.

    Attributes:
        failing_to_remove: whether `settled` fails after something was to go; it stays then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes_written = self.pieces_written = 0
        self.failing_to_remove = self._removed = False

    def write(self, place: int, name: bytes, piece: bytes | None) -> None:
        """Keep a piece, or remove it."""
        if piece is None and self.failing_to_remove:
            self._removed = True
            return
        self.bytes_written += len(piece or b"")
        self.pieces_written += 1
        super().write(place, name, piece)

    async def settled(self) -> None:
        """Return, or fail."""
        if self._removed:
            self._removed = False
            raise TimeoutError
        await super().settled()


def test_nothing_is_closed_while_units_are_walked_through() -> None:
    _, handlers = book(MemoryParts())
    for step in log_of(0):
        step(handlers)
    rows = handlers.rows
    with rows.walked():
        close(rows)
        assert not len(rows.closed)
    close(rows)
    assert len(rows.closed)
