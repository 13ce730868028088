"""Planted bugs are caught by an independent checker: else that no seed breaks anything would mean little."""

from collections.abc import Iterator

import pytest

from simulation.calibration import Settled, too_sure
from simulation.planted import PLANTED, planted
from simulation.run import run

CAUGHT_WITHIN = 20
CAUGHT_AT = {
    "errors-left-out": 8,
    "mark-before-said": 5,
    "no-back-pressure": 15,
    "nothing-before-deciding": 4,
    "offsets-before-said": 3,
    "sameness-by-bytes": 3,
    "unavailable-is-poison": 11,
}
"""At which seed each was caught, where that is not the first; that seed is tried first."""


def seeds(name: str) -> Iterator[int]:
    """Yield the seed at which a bug was caught, and then the others."""
    known = CAUGHT_AT.get(name, 1)
    yield known
    yield from (seed for seed in range(1, CAUGHT_WITHIN + 1) if seed != known)


def caught_at(name: str) -> int | None:
    """Return the seed at which a bug is caught; one that only shows over many seeds, at the last of them."""
    runs: list[list[Settled]] = []
    for seed in seeds(name):
        with planted(name):
            outcome = run(seed, patient=False)
        runs.append(outcome.settled)
        if outcome.broken or any(too_sure(runs)):
            return seed
    return None


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A town that a bug brings to a halt need not be waited for to the end: one that goes on settles in less than this.
    monkeypatch.setattr("simulation.run.SETTLE_SECONDS_MAX", 400.0)
    assert caught_at(name) is not None, f"{name} was not caught"
