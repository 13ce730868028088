"""From which of somebody's projects the next unit comes: what is more urgent first, and else each in its turn.

Start-time fair queuing (Goyal, Vin and Cheng, SIGCOMM 1996) with equal weights: a project's tag is what it was given,
and who comes anew, or again, begins where the others stand. So a project that waited long has no arrears to be made
up for, and none is passed over by more than what was given at once.
"""

from collections.abc import Sequence

import msgspec

SOON_US = 3_600_000_000
"""What is due within an hour goes before what is not."""
PROJECTS_MAX = 10_000


class Candidate(msgspec.Struct, frozen=True):
    """A project in which something waits for somebody.

    Attributes:
        priority: of what waits; the highest goes first.
        due_us: by when the first of it is wanted, microseconds since the epoch, UTC; None: no time was said.
    """

    project_id: str
    priority: int = 0
    due_us: int | None = None


class Turns:
    """Which project's turn it is, as far as one process gave units out to those who did not name a project.

    >>> turns, both = Turns(), [Candidate("a"), Candidate("b")]
    >>> turns.gave("a", 3)
    >>> [one.project_id for one in turns.in_order(both, 0)]
    ['b', 'a']
    """

    def __init__(self) -> None:
        self._tags: dict[str, int] = {}
        self._now = 0

    def in_order(self, candidates: Sequence[Candidate], now_us: int) -> list[Candidate]:
        """Return the candidates, whose turn it is first; of equals the first stays first."""

        def place(candidate: Candidate) -> tuple[int, bool, int]:
            soon = candidate.due_us is not None and candidate.due_us <= now_us + SOON_US
            return -candidate.priority, not soon, (candidate.due_us or 0) if soon else self._tag(candidate.project_id)

        return sorted(candidates, key=place)

    def gave(self, project_id: str, units: int) -> None:
        """Note that so many units of a project were given out."""
        self._now = self._tag(project_id)
        self._tags[project_id] = self._now + units
        if len(self._tags) > PROJECTS_MAX:
            self._tags = {other_id: tag for other_id, tag in self._tags.items() if tag > self._now}

    def _tag(self, project_id: str) -> int:
        return max(self._now, self._tags.get(project_id, 0))
