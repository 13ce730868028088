"""Arrivals: units that come together. A note says which are about to be stored; a record tells the others of them.

The note is there before anything of the units is, and goes when each of them is told of, or refused.
"""

from collections.abc import Iterable, Sequence

import msgspec

from concord.chassis.clock import Clock
from concord.chassis.journal.record import Kind
from concord.chassis.store.port import Collection, Document, Store
from concord.contracts.codec import Headers
from concord.contracts.ids import slot_of_project
from services.ingest.domain.identity import Arrival, ArrivalState, Claim
from services.ingest.repository.open_units import key_of

ARRIVAL = Kind("arrival", ArrivalState, slot=lambda arrival: slot_of_project(arrival.project_id))
"""Units that came together: the events that tell of them lie in one record, which opens those that wait for a lot."""
ARRIVALS = Collection("arrivals")
"""Notes of units that are about to be stored, or are, and of which not all are told of yet."""
ARRIVAL_BYTES_MAX = 700_000
"""Of what is told of the units of one arrival, which is one decision (`size_budget`); a larger unit stands alone."""
EVENT_BYTES = 500
"""What an event has beside what its unit says and its trace: ids, headers and the record's own."""
ARRIVAL_UNITS_MAX = ARRIVAL_BYTES_MAX // EVENT_BYTES
"""So many units has an arrival at most."""

_encoded = msgspec.json.Encoder().encode


class Arrivals:
    """Where it is noted what arrives.

    Args:
        store: holds the notes.
        writer: names this process, and no other ever.
        clock: tells when.
    """

    def __init__(self, store: Store, writer: str, clock: Clock) -> None:
        self.store = store
        self.writer = writer
        self.clock = clock
        self._counted = 0

    async def begin(self, claims: Iterable[tuple[Claim, Headers]]) -> list[Claim]:
        """Say which units are about to be stored; return them with the arrivals that each is of, in their order."""
        documents: list[Document] = []
        begun: list[Claim] = []
        size = ARRIVAL_BYTES_MAX + 1
        lately: Headers = ()
        trace_bytes = 0
        for claim, trace in claims:
            if trace is not lately:  # those of one request have one
                lately, trace_bytes = trace, sum(len(name) + len(value or b"") for name, value in trace)
            needed = EVENT_BYTES + len(_encoded(claim)) + trace_bytes
            if size + needed > ARRIVAL_BYTES_MAX:
                documents.append(self._note(claim))
                size = 0
            size += needed
            unit, note = claim.unit, documents[-1]
            note["units"].append(unit.unit_id)
            if unit.counted_as:
                note["marks"].append(key_of(unit))
            replaced = msgspec.structs.replace(unit, arrival=note["_id"])
            begun.append(msgspec.structs.replace(claim, unit=replaced))
        await self.store.insert(ARRIVALS.name, documents)
        return begun

    def _note(self, claim: Claim) -> Document:
        """Return an empty note, named after its first unit."""
        self._counted += 1
        unit = claim.unit
        return {
            "_id": f"{unit.unit_id}.{self.writer}.{self._counted}",
            "project_id": unit.project_id,
            "at_us": self.clock.now_us(),
            "units": [],
            "marks": [],
        }

    async def finished(self, arrivals: Sequence[str]) -> None:
        """Say that each unit of these arrivals is told of, or refused."""
        await self.store.delete(ARRIVALS.name, arrivals)

    async def left_behind(self, before_us: int) -> list[Arrival]:
        """Return the arrivals from before a time that nobody has finished."""
        return [
            Arrival(document["_id"], document["project_id"], document["units"], document["marks"])
            async for page in self.store.stream(ARRIVALS.name)
            for document in page
            if document["at_us"] < before_us
        ]
