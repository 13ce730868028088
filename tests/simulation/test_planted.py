"""Planted bugs are caught by an independent checker: else that no seed breaks anything would mean little."""

from collections.abc import Iterator
from functools import cache

import pytest

from simulation.calibration import Settled, too_sure
from simulation.planted import PLANTED, planted
from simulation.run import run

CAUGHT_WITHIN = 20
CAUGHT_AT = {
    "accepted-after-two": 3,
    "content-is-not-claimed": 5,
    "errors-left-out": 6,
    "first-label-wins": 3,
    "mark-before-said": 5,
    "no-back-pressure": 13,
    "no-sweeper": 2,
    "sameness-by-bytes": 3,
}
"""At which seed each was caught, where that is not the first; that seed is tried first."""


def seeds(name: str) -> Iterator[int]:
    """Yield the seed at which a bug was caught, and then the others."""
    known = CAUGHT_AT.get(name, 1)
    yield known
    yield from (seed for seed in range(1, CAUGHT_WITHIN + 1) if seed != known)


@cache
def holds(seed: int) -> bool:
    """Return whether a seed breaks nothing by itself."""
    return not run(seed, patient=False).broken


def caught_at(name: str) -> int | None:
    """Return the seed at which a bug is caught; one that only shows over many seeds, at the last of them.

    A seed that breaks without the bug, too, has not caught it.
    """
    runs: list[list[Settled]] = []
    for seed in seeds(name):
        with planted(name):
            outcome = run(seed, patient=False)
        runs.append(outcome.settled)
        if any(too_sure(runs)) or (outcome.broken and holds(seed)):
            return seed
    return None


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A town that a bug brings to a halt need not be waited for to the end: one that goes on settles in less than this.
    monkeypatch.setattr("simulation.run.SETTLE_SECONDS_MAX", 400.0)
    assert caught_at(name) is not None, f"{name} was not caught"
