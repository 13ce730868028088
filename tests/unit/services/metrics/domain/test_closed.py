"""What is closed is known by eight bytes, however it came, was kept and taken up again, until it is forgotten."""

import random
import tracemalloc

import pytest

from services.metrics.domain.closed import Closed, Segment

SEGMENT_IDS, RECENT_MAX = 7, 3


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.domain.closed.SEGMENT_IDS", SEGMENT_IDS)
    monkeypatch.setattr("services.metrics.domain.closed.RECENT_MAX", RECENT_MAX)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("seed", range(20))
def test_the_set_is_that_of_the_segments_that_are_not_forgotten(seed: int) -> None:
    generator = random.Random(seed)
    closed, expected, kept = Closed(), dict[int, set[str]](), dict[int, Segment]()
    newest = until = 0
    for number in range(120):
        if len(expected.get(newest, ())) == SEGMENT_IDS:
            newest += 1
        expected.setdefault(newest, set()).add(f"k1-u{number}")
        closed.add(f"k1-u{number}", number)
        if generator.random() < 0.1:
            until = generator.randrange(until, number + 1)
            closed.forget(until)
            # Event times are the numbers here: a full segment ends with the last number that it has.
            expected = {at: ids for at, ids in expected.items() if len(ids) < SEGMENT_IDS or _last(ids) >= until}
        if generator.random() < 0.3:
            since = max(kept, default=0)
            kept |= closed.segments(since)
            kept = {at: segment for at, segment in kept.items() if at in closed.numbers()}
            assert {at: len(segment.digests) // 8 for at, segment in kept.items()} == {
                at: len(ids) for at, ids in expected.items()
            }
            if generator.random() < 0.5:
                closed, before = Closed(closed.forgotten_us), closed
                closed.absorb(kept)
                assert (closed.forgotten_us, closed.numbers()) == (before.forgotten_us, before.numbers())
        there = set[str]().union(*expected.values())
        assert {f"k1-u{known}" for known in range(130) if f"k1-u{known}" in closed} == there
        assert len(closed) == len(there)


def _last(ids: set[str]) -> int:
    return max(int(unit_id[4:]) for unit_id in ids)


def test_a_million_would_take_twelve_megabytes_and_not_be_there_twice() -> None:
    count = 50_000
    tracemalloc.start()
    try:
        closed = Closed()
        for number in range(count):
            closed.add(f"k1-u{number}", number)
        held, _ = tracemalloc.get_traced_memory()
        segments = closed.segments()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        again = Closed()
        again.absorb(segments)
        taken, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / count < 16, "its digest, which segment it is of, and those that are not sorted in yet"
    assert (taken - before) / count < 13
    assert (peak - before) / count < 36
    assert len(again) == count
