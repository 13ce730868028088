"""How far what stood first is favoured in preferences and rankings: by all people of a project, and by each alone."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from concord.quality.position import Position, found_among, position
from services.metrics.domain.survey import Aspect, Placed

POSITION_LEVEL = 0.01
"""Without a bias a project's field is ever called biased with this chance at most, over all of its life."""
PEOPLE_LEVEL = 0.05
"""Of annotators who are named, the share that is named falsely at most, on average."""
PEOPLE_NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Favouring:
    """An annotator, or a model, of whom it is found."""

    annotator_id: str
    is_model: bool
    position: Position


@dataclass(frozen=True, slots=True)
class Favoured:
    """How far what stood first is favoured in the labels, or in one field of them.

    Attributes:
        field: which; empty: the whole label.
        people: over the labels of people; models are among `favouring` alone.
        ties: labels of people that chose neither.
        favouring: those of whom it is found, the strongest evidence first.
        share: which part of all annotators is counted: a random one, where there are too many.
    """

    field: str
    people: Position
    ties: int
    favouring: list[Favouring]
    share: float

    @property
    def is_found(self) -> bool:
        """Return whether chance is no explanation."""
        return self.people.is_found(POSITION_LEVEL)


def favoured(field_name: str, aspect: Aspect) -> Favoured:
    """Return how far what stood first is favoured.

    >>> aspect = Aspect()
    >>> for side, times in ((True, 300), (False, 200), (None, 20)):
    ...     aspect.placed.add("ann", (2, side, False), times)
    >>> found = favoured("", aspect)
    >>> found.people.first.value, found.people.first.units, found.ties, found.is_found
    (0.6, 500, 20, True)
    >>> [favouring.annotator_id for favouring in found.favouring]
    ['ann']
    """
    of_people: defaultdict[Placed, int] = defaultdict(int)
    each: list[Favouring] = []
    for annotator_id, table in sorted(aspect.placed.tables.items()):
        is_model = any(by_model for _, _, by_model in table)
        each.append(Favouring(annotator_id, is_model, _position(table)))
        for placed, labels in table.items():
            if not placed[2]:
                of_people[placed] += labels
    ties = sum(labels for (_, stood_first, _), labels in of_people.items() if stood_first is None)
    named = found_among([favouring.position.log_e_value for favouring in each], PEOPLE_LEVEL)
    favouring = [favouring for favouring, is_found in zip(each, named, strict=True) if is_found]
    favouring.sort(key=lambda found: (-found.position.log_e_value, found.annotator_id))
    return Favoured(field_name, _position(of_people), ties, favouring[:PEOPLE_NAMED_MAX], aspect.placed.share)


def _position(table: Mapping[Placed, int]) -> Position:
    chosen: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (choices, stood_first, _), labels in table.items():
        if stood_first is not None:
            before = chosen[choices]
            chosen[choices] = before[0] + labels, before[1] + labels * stood_first
    return position(chosen)
