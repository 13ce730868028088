"""Consensus: which label leads among a unit's annotations, and how sure one may be of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from concord.labels import ClassedSchema, Json, LabelSchema, Vote
from concord.quality.crowd import Crowd, GoldAnswers, class_chances
from concord.quality.dependence import EXPECTED
from concord.quality.stopping import Outlook, outlook_of
from concord.quality.truth import majority

Method = Literal["posterior", "majority"]
ASSUMED_ACCURACY_LOW, ASSUMED_ACCURACY_HIGH = 0.6, 0.99
"""A crowd is never assumed to guess, nor to be always right: then nothing would settle, or everything at once."""
TIED = 1e-12
MERGED_AT_ONCE_BYTES = 20_000
"""Labels without classes that together are larger are merged off the event loop: it may take seconds."""


class FieldStanding(msgspec.Struct, frozen=True, array_like=True):
    """How one field of a label with several stands.

    Attributes:
        field: its name.
        confidence: of its leading answer, or of its being left out: a posterior probability, or a share.
        decided: whether there is either.
    """

    field: str
    confidence: float
    decided: bool


@dataclass(frozen=True, slots=True)
class Leading:
    """The leading label and its confidence: a posterior probability, or a share of the labels. None on a tie.

    Attributes:
        outlook: where the unit stands as far as more labels could move it; None where they are not weighed.
        fields: of a label of several fields, those that the leading answers ask, in order.
        alike: all labels said exactly the same, as they read when they were weighed.
    """

    label: Json
    confidence: float
    outlook: Outlook | None = None
    fields: tuple[FieldStanding, ...] = ()
    alike: bool = False


@dataclass(frozen=True)
class Weights:
    """What is known of a project's annotators: their answers on gold, shrunk to the crowd's average.

    Attributes:
        counts: gold answers by annotator; an annotator who is not in it counts as an average one.
        classes: number of classes of the label schema.
        assumed_accuracy: of the crowd before there is gold: the bar that annotators must pass to be let in.
        dependence: correlation of two annotators' errors on one unit.
        gold: hidden gold units by class.
        learnt: what resolved units tell of annotators.
    """

    counts: Mapping[str, GoldAnswers]
    classes: int
    assumed_accuracy: float
    dependence: float = EXPECTED
    gold: Mapping[int, int] = field(default_factory=dict)
    learnt: Mapping[str, GoldAnswers] = field(default_factory=dict)
    crowd: Crowd = field(init=False)

    def __post_init__(self) -> None:
        """Pool what is known of all."""
        assumed = min(max(self.assumed_accuracy, ASSUMED_ACCURACY_LOW), ASSUMED_ACCURACY_HIGH)
        object.__setattr__(self, "crowd", Crowd(self.classes, assumed, self.counts, self.dependence, self.learnt))

    @property
    def gold_units(self) -> int:
        """Return how many gold answers all of this rests on."""
        return self.crowd.gold_units

    def matrix(self, annotator_id: str) -> list[list[float]]:
        """Return an annotator's confusion matrix, for people to look at: rows are true classes, columns reported."""
        classes = range(self.classes)
        return [[self.crowd.chance(annotator_id, true, reported) for reported in classes] for true in classes]


def leading(
    schema: LabelSchema,
    classed: ClassedSchema | None,
    labels: Sequence[tuple[str, Json]],
    method: Method,
    weights: Weights | None,
    seen: Mapping[int, int] | None = None,
    *,
    priced: bool = False,
    closed: frozenset[int] = frozenset(),
) -> Leading:
    """Return the label that leads.

    Args:
        schema: the project's.
        classed: the same, where it has classes.
        labels: (annotator, canonical label), one an annotator.
        method: posterior under each annotator's confusion and the project's prevalence, or the majority's share.
            A label kind without classes is merged in its own way, whatever the method.
        weights: what is known of the annotators; needed for posterior.
        seen: units of the project by class, as far as it is known: what the mix of classes is learnt from.
        priced: whether the project says what labels cost, so that what more of them could do is to be told.
        closed: places of classes that are offered no more: the unit is of none of them unless a label says so.
    """
    if classed is None:
        return merged(schema, [label for _, label in labels])
    classes = classed.classes
    indexed = [(annotator, classed.index(label)) for annotator, label in labels]
    if method == "majority" or weights is None:
        vote = majority(index for _, index in indexed)
        share = max(vote.votes.values()) / len(labels)
        return Leading(None if vote.label is None else classes[vote.label], share)
    chances = class_chances(indexed, weights.crowd, seen or {})
    if unsaid := closed.difference(place for _, place in indexed):
        chances = _without(chances, unsaid)
    best = max(chances)
    leaders = [place for place, chance in enumerate(chances) if best - chance < TIED]
    outlook = outlook_of(chances, len(indexed), weights.crowd, seen or {}) if priced else None
    return Leading(classes[leaders[0]] if len(leaders) == 1 else None, best, outlook)


def _without(chances: Sequence[float], places: frozenset[int]) -> tuple[float, ...]:
    """Return the chances of classes, given that it is none of some.

    >>> _without((0.5, 0.25, 0.25), frozenset({2}))
    (0.6666666666666666, 0.3333333333333333, 0.0)
    """
    left = sum(chance for place, chance in enumerate(chances) if place not in places)
    return tuple(0.0 if place in places else chance / left for place, chance in enumerate(chances))


def merged(schema: LabelSchema, labels: Sequence[Json]) -> Leading:
    """Return what labels without classes come to, by the way of their kind."""
    found = schema.merge([Vote(label) for label in labels])
    return Leading(found.label, found.support)
