"""The rows of a place's open units: what is told of lately is there to be changed, what rests lies encoded.

A unit with three labels is thirty objects, 1.9 KB; encoded it is a quarter of that. Units wait for days, and almost
all that is told of one comes within minutes; so a row is encoded once nothing has touched it while a thousand or two
others were, and decoded when something is told of it again, which takes some microseconds.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from services.metrics.domain.columns import Columns
from services.metrics.domain.traits import shared
from services.metrics.domain.unit import Unit

BUCKETS = 256
"""Into so many parts the rows are dealt, so that one can walk through them without holding up whoever changes them."""
TOUCHED_MAX = 1_000
"""So many rows make a generation; two generations of each place are not encoded. Encoding one takes some milliseconds,
and the fewer they are the more often a row is decoded anew; with a thousand no CPU more could be measured."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Unit).decode


class OpenUnits:
    """Open units by id.

    A row that was handed out to be changed is changed before `rest` is called, and not after: it may be encoded then.

    Attributes:
        columns: those that have no row yet; each may get one at any time, and none goes back.
    """

    def __init__(self) -> None:
        self._buckets: list[dict[str, Unit | bytes]] = [{} for _ in range(BUCKETS)]
        self._touched: dict[str, Unit] = {}
        self._before: dict[str, Unit] = {}
        self.columns = Columns()

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._buckets)) + len(self.columns)

    def __contains__(self, unit_id: str) -> bool:
        """Return whether a unit has a row; one in the columns has none."""
        return unit_id in self._buckets[hash(unit_id) % BUCKETS]

    def get(self, unit_id: str) -> Unit | None:
        """Return the unit's row, to be changed; None when there is none, but perhaps columns."""
        found = self._touched.get(unit_id)
        if found is not None:
            return found
        bucket = self._buckets[hash(unit_id) % BUCKETS]
        row = bucket.get(unit_id)
        if row is None:
            return None
        if isinstance(row, bytes):
            row = bucket[unit_id] = _awake(row)
        self._touched[unit_id] = row
        return row

    def look(self, unit_id: str) -> Unit | None:
        """Return the unit as it is, to be looked at only, or to be taken out; None when there is none."""
        row = self._buckets[hash(unit_id) % BUCKETS].get(unit_id)
        if row is None:
            return self.columns.look(unit_id)
        return _awake(row) if isinstance(row, bytes) else row

    def put(self, unit_id: str, unit: Unit) -> None:
        """Put a row in."""
        self._buckets[hash(unit_id) % BUCKETS][unit_id] = self._touched[unit_id] = _shared(unit)

    def lay(self, unit_id: str, unit: Unit) -> None:
        """Put a row in that nothing is told of now, so it rests at once; gold does not."""
        self._buckets[hash(unit_id) % BUCKETS][unit_id] = _shared(unit) if unit.gold else _encode(unit)

    def remove(self, unit_id: str) -> None:
        """Take a row out."""
        del self._buckets[hash(unit_id) % BUCKETS][unit_id]
        self._touched.pop(unit_id, None)
        self._before.pop(unit_id, None)

    def rest(self) -> None:
        """Encode what nothing has touched for a generation, if one is full.

        Gold stays as it is: the sums hold its rows to judge answers by.
        """
        if len(self._touched) < TOUCHED_MAX:
            return
        for unit_id, unit in self._before.items():
            if unit_id not in self._touched and not unit.gold:
                self._buckets[hash(unit_id) % BUCKETS][unit_id] = _encode(unit)
        self._before, self._touched = self._touched, {}

    def walk(self) -> Iterator[tuple[str, Unit]]:
        """Yield every row as it is when it comes, to be looked at only; what goes meanwhile may come or not."""
        for unit_ids in self._groups():
            for unit_id in unit_ids:
                unit = self.look(unit_id)
                if unit is not None:
                    yield unit_id, unit

    def encodable(self, unit_ids: Iterable[str]) -> dict[str, Unit | msgspec.Raw | None]:
        """Return these rows as they are encoded by msgspec, by their ids; None for one that is not there."""
        return {unit_id: self._encodable(unit_id) for unit_id in unit_ids}

    def parts(self, units: int) -> Iterator[Mapping[str, Unit | msgspec.Raw | None]]:
        """Yield all rows as `encodable` does, so many at a time; what comes or goes meanwhile may be among them or not.

        A row that is there all the while is.
        """
        gathered: list[str] = []
        for unit_ids in self._groups():
            gathered += unit_ids
            while len(gathered) >= units:
                yield self._there(gathered[:units])
                del gathered[:units]
        if gathered:
            yield self._there(gathered)

    def _groups(self) -> Iterator[list[str]]:
        """Yield all ids, each once, though its unit gets a row meanwhile: those come first that have none."""
        in_columns = list(self.columns)
        yield in_columns
        known = set(in_columns)
        for bucket in self._buckets:
            yield [unit_id for unit_id in bucket if unit_id not in known] if known else list(bucket)

    def _encodable(self, unit_id: str) -> Unit | msgspec.Raw | None:
        row = self._buckets[hash(unit_id) % BUCKETS].get(unit_id)
        if row is None:
            return self.columns.look(unit_id)
        return msgspec.Raw(row) if isinstance(row, bytes) else row

    def _there(self, unit_ids: Iterable[str]) -> Mapping[str, Unit | msgspec.Raw | None]:
        return {unit_id: row for unit_id, row in self.encodable(unit_ids).items() if row is not None}


def _awake(row: bytes) -> Unit:
    return _shared(_decode(row))


def _shared(unit: Unit) -> Unit:
    """Return the unit, its traits the object that all units have which are known by the same."""
    if unit.traits is not None:
        unit.traits = shared(unit.traits)
    return unit
