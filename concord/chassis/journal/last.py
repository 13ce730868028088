"""Which record of a long line is its last, without reading the line: numbers follow one another without a gap."""

from collections.abc import Callable, Mapping, Sequence

from concord.chassis.journal.record import JOURNAL, record_id
from concord.chassis.store.port import Document, Store

NUMBERS_MAX = 2**32
"""Beyond which nobody looks: one a second for more than a hundred years."""
LOOKS = 16
"""Numbers that are looked for at once between two bounds."""
STRIDE = 4
"""How much further each of the first looks goes: most lines are short."""


async def highest(store: Store, numbered: Mapping[str, Callable[[int], str]]) -> dict[str, int]:
    """Return, by name, the highest number of which there is a record; 0 when there is none above 0.

    Found in four or five looks for all of them together, and of each record only that it is there.

    Args:
        store: where the journal is.
        numbered: by name, the id of the record that is there where a number is.
    """
    bounds = dict.fromkeys(numbered, (0, NUMBERS_MAX))
    while going := {name: bound for name, bound in bounds.items() if bound[1] - bound[0] > 1}:
        asked = {name: _between(*bound) for name, bound in going.items()}
        ids = {numbered[name](number) for name, numbers in asked.items() for number in numbers}
        there = await store.get(JOURNAL.name, sorted(ids), only=())
        for name, (low, high) in going.items():
            newest = max((number for number in asked[name] if numbered[name](number) in there), default=low)
            bounds[name] = newest, min((number for number in asked[name] if number > newest), default=high)
    return {name: low for name, (low, _) in bounds.items()}


def _between(low: int, high: int) -> Sequence[int]:
    if (low, high) == (0, NUMBERS_MAX):
        return [STRIDE**power for power in range(NUMBERS_MAX.bit_length()) if STRIDE**power < NUMBERS_MAX]
    step = max(1, (high - low) // LOOKS)
    return range(low + step, high, step)


async def last_records(store: Store, keys: Sequence[str]) -> list[Document]:
    """Return the last record of each of these aggregates; of one without a record none."""
    numbers = await highest(store, {key: _record_of(key) for key in keys})
    ids = [record_id(key, number) for key, number in numbers.items() if number]
    return list((await store.get(JOURNAL.name, ids)).values()) if ids else []


def _record_of(key: str) -> Callable[[int], str]:
    return lambda number: record_id(key, number)
