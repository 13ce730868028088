"""At which seed a planted bug is caught; shared by three files of tests, for whole files are shared out to workers."""

from collections.abc import Iterator
from functools import cache

from simulation.calibration import Settled, too_sure
from simulation.planted import PLANTED, planted
from simulation.run import run

CAUGHT_WITHIN = 20
SETTLE_SECONDS = 400.0
"""A town that a bug brings to a halt need not be waited for to the end: one that goes on settles in less than this."""
CAUGHT_AT = {
    "accepted-after-two": 3,
    "an-appeal-is-made-again": 17,
    "checked-by-todays-classes": 8,
    "classes-of-the-first-day": 8,
    "closed-gold-goes-on": 17,
    "commit-before-effect": 3,
    "content-is-not-claimed": 10,
    "doubtful-is-ours": 265,
    "drafts-of-anybody": 2,
    "drafts-outlive-their-leases": 2,
    "erased-leaves": 4,
    "errors-left-out": 6,
    "exposures-by-process": 8,
    "first-label-wins": 3,
    "first-words-stand": 17,
    "known-is-told": 10,
    "known-labels-by-todays-classes": 5,
    "labels-as-given": 15,
    "late-revisions-vanish": 17,
    "lots-without-places": 10,
    "models-are-people": 4,
    "poison-holds-a-partition": 3,
    "revisions-are-more-labels": 17,
    "sameness-by-bytes": 3,
    "the-first-draft-is-shown": 2,
    "the-first-other-is-asked": 10,
    "the-last-draft-wins": 2,
    "unavailable-is-poison": 9,
    "what-was-set-aside-counts": 14,
    "who-is-stopped-is-forgotten": 27,
}
"""At which seed each was caught, where that is not the first; that seed is tried first."""
OVER_SEVERAL = {"overconfident": (5, 17)}
"""Of those that only show over many labels, the fewest seeds that have enough."""
SECOND_SEEDS_MAX = 8
AT_ANOTHER = sorted(CAUGHT_AT, key=lambda name: CAUGHT_AT[name])
AT_THE_SECOND = [name for name in AT_ANOTHER if CAUGHT_AT[name] <= SECOND_SEEDS_MAX]
AT_A_LATER = AT_ANOTHER[len(AT_THE_SECOND) :] + sorted(OVER_SEVERAL)
AT_THE_FIRST = sorted(PLANTED.keys() - CAUGHT_AT.keys() - OVER_SEVERAL.keys())
"""The thirds, by seed: whether a seed holds without a bug, which is to be found out once a process, costs a run."""


def seeds(name: str) -> Iterator[int]:
    """Yield the seed at which a bug was caught, or those together, and then the others."""
    known = OVER_SEVERAL.get(name, (CAUGHT_AT.get(name, 1),))
    yield from known
    yield from (seed for seed in range(1, CAUGHT_WITHIN + 1) if seed not in known)


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
