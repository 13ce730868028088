"""What the load generator wrote down itself: what it asked, when it was answered, and what was acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Ask(NamedTuple):
    """A request that was made again and again until it was answered; times are the event loop's.

    Attributes:
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
        asks: by service and project, what was asked, in order.
        later: by service, answers 503 with Retry-After.
        broken: by service, connections that broke or were not made.
        wrong: what was answered that should not have been.
    """

    units: dict[str, str] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    given: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    rulings: dict[str, str] = field(default_factory=dict)
    verdicts: set[str] = field(default_factory=set)
    asks: dict[tuple[str, str], list[Ask]] = field(default_factory=lambda: defaultdict(list))
    later: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def slow(self, seconds: float) -> Iterator[tuple[str, str, Ask]]:
        """Yield service, project and request of all that waited longer than this, the first first."""
        found = [(*where, ask) for where, asks in self.asks.items() for ask in asks]
        yield from sorted(
            (one for one in found if one[2].answered - one[2].began > seconds), key=lambda one: one[2].began
        )

    def longest_wait(self, service: str, projects: Iterable[str], begin: float, end: float) -> float:
        """Return how long, at most, one of these projects waited for an answer in that time; 0 if nobody asked."""
        longest = 0.0
        for project in projects:
            for ask in self.asks[service, project]:
                if ask.answered > begin and ask.began < end:
                    longest = max(longest, ask.answered - max(ask.began, begin))
        return longest
