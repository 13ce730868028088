"""Counts that are bounded: whatever the order, and however it is parted, what is held in the end is the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.metrics.domain.bounded import HOUR_US, Sampled, Timeline

KEYS = st.text("abcdefgh", min_size=1, max_size=3)
EVENTS = st.lists(st.tuples(KEYS, st.integers(0, 4)), max_size=120)
MOMENTS = st.lists(st.tuples(st.integers(0, 600 * HOUR_US), st.integers(0, 3)), max_size=120)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(0, 120))
@settings(max_examples=200)
def test_a_sample_of_keys_is_the_same_in_any_order_and_of_any_parts_and_keeps_its_bounds(
    events: list[tuple[str, int]], randomly: object, cut: int
) -> None:
    def counted(some: list[tuple[str, int]]) -> Sampled[int]:
        found = Sampled[int](keys_max=10, cells_max=25)
        for key, cell in some:
            found.add(key, cell)
            assert len(found.tables) <= 10
            assert found.cells <= 25
        return found

    whole, shuffled = counted(events), list(events)
    randomly.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a Random
    assert counted(shuffled) == whole
    joined = counted(shuffled[:cut])
    joined.merge(counted(shuffled[cut:]))
    assert joined == whole
    for key, table in whole.tables.items():
        for cell, times in table.items():
            assert times == events.count((key, cell)), "whoever is in is counted whole"


@given(MOMENTS, st.randoms(use_true_random=False), st.integers(0, 120))
@settings(max_examples=200)
def test_windows_of_time_are_the_same_in_any_order_and_of_any_parts_and_keep_their_bounds(
    moments: list[tuple[int, int]], randomly: object, cut: int
) -> None:
    def counted(some: list[tuple[int, int]]) -> Timeline[int]:
        found = Timeline[int](windows_max=8, cells_max=15)
        for at_us, cell in some:
            found.add(at_us, cell)
            assert len(found.windows) <= 8
            assert found.cells <= 15
        return found

    whole, shuffled = counted(moments), list(moments)
    randomly.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a Random
    assert counted(shuffled) == whole
    joined = counted(shuffled[:cut])
    joined.merge(counted(shuffled[cut:]))
    assert joined == whole
    assert sum(sum(table.values()) for table in whole.windows.values()) == len(moments)
