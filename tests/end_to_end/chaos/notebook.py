"""What the load generator wrote down itself: what it asked, when it was answered, and what was acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

WAITING = ", who wait"
"""Behind a service's name: of those who wait at it for work, whose patience is judged for itself."""


class Ask(NamedTuple):
    """A request that was made again and again until it was answered; times are the event loop's.

    Attributes:
        began, answered: of somebody who waits for work, the time in which nobody let them wait, or in which their
            answer was overdue.
        what: its method and path.
        refused: the first few answers that were none, each with how many seconds in it came.
    """

    began: float
    answered: float
    what: str = ""
    refused: tuple[str, ...] = ()


@dataclass
class Notebook:
    """The load generator's own count; nothing in it comes from the services but what they acknowledged.

    Attributes:
        units: unit id -> what its client calls it.
        labels: annotation id -> (unit id, annotator).
        given: unit id -> what it was labelled by whom; an acknowledged label as well as one of unknown fate.
        rulings: unit id -> the label of a ruling that was taken.
        verdicts: units of which a verdict was taken.
        asks: by service (see WAITING) and project, what was asked, in order.
        given_to_waiting: units that were given to those who wait for work.
        waited_for_nothing: how often their patience ended first.
        later: by service (those who wait apart), answers 503 with Retry-After.
        broken: by service, connections that broke or were not made.
        wrong: what was answered that should not have been.
    """

    units: dict[str, str] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    given: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    rulings: dict[str, str] = field(default_factory=dict)
    verdicts: set[str] = field(default_factory=set)
    asks: dict[tuple[str, str], list[Ask]] = field(default_factory=lambda: defaultdict(list))
    given_to_waiting: int = 0
    waited_for_nothing: int = 0
    later: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def waited(
        self, who: str, project: str, what: str, turned_away: float, taken_in: float, due: float, answered: float
    ) -> None:
        """Note how long somebody who waits for work went without: with nobody who lets them, and beyond their patience.

        A wait itself is no fault. It ends at the latest when patience does, whatever there is; and when a process
        turns somebody away, or ends, another is to let them wait.

        Args:
            who, project: where they wait.
            what: their request's method and path.
            turned_away: when they were first; when they were taken in where that never was.
            taken_in: when the try began that was answered.
            due: when their patience ended.
            answered: when they were given a unit, or told that there is none.
        """
        asks = self.asks[who, project]
        asks.append(Ask(turned_away, taken_in, f"{what}, turned away"))
        asks.append(Ask(min(due, answered), answered, f"{what}, beyond patience"))

    def slow(self, seconds: float) -> Iterator[tuple[str, str, Ask]]:
        """Yield service, project and request of all that waited longer than this, the first first."""
        found = [(*where, ask) for where, asks in self.asks.items() for ask in asks]
        yield from sorted(
            (row for row in found if row[2].answered - row[2].began > seconds), key=lambda row: row[2].began
        )

    def longest_wait(self, service: str, projects: Iterable[str], begin: float, end: float) -> float:
        """Return how long, at most, one of these projects waited for an answer in that time; 0 if nobody asked."""
        longest = 0.0
        for project in projects:
            for ask in self.asks[service, project]:
                if ask.answered > begin and ask.began < end:
                    longest = max(longest, ask.answered - max(ask.began, begin))
        return longest
