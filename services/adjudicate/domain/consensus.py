"""Consensus: which label leads among a unit's annotations, and how sure one may be of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from concord.labels import ClassedSchema, Json, LabelSchema, Vote
from concord.quality.competence import ConfusionCounts, Matrix, confusion_matrix, crowd_prior
from concord.quality.truth import majority, posterior

Method = Literal["posterior", "majority"]
ASSUMED_ACCURACY_LOW, ASSUMED_ACCURACY_HIGH = 0.6, 0.99
"""A crowd is never assumed to guess, nor to be always right: then nothing would settle, or everything at once."""
TIED = 1e-12


@dataclass(frozen=True, slots=True)
class Leading:
    """The leading label and its confidence: a posterior probability, or a share of the labels. None on a tie."""

    label: Json
    confidence: float


@dataclass(frozen=True)
class Weights:
    """What is known of a project's annotators: their confusion on gold, shrunk to the crowd's average.

    Attributes:
        counts: gold answers by annotator; an annotator who is not in it counts as an average one.
        classes: number of classes of the label schema.
        assumed_accuracy: of the crowd before there is gold: the bar that annotators must pass to be let in.
    """

    counts: Mapping[str, ConfusionCounts]
    classes: int
    assumed_accuracy: float
    _prior: Matrix = field(init=False)
    _matrices: dict[str, Matrix] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Pool what is known of all."""
        crowd = ConfusionCounts.total(self.counts.values(), self.classes)
        assumed = min(max(self.assumed_accuracy, ASSUMED_ACCURACY_LOW), ASSUMED_ACCURACY_HIGH)
        object.__setattr__(self, "_prior", crowd_prior(crowd, assumed_accuracy=assumed))

    def confusion(self, annotator_id: str) -> Matrix:
        """Return an annotator's confusion matrix: rows are true classes, columns reported ones."""
        matrix = self._matrices.get(annotator_id)
        if matrix is None:
            counts = self.counts.get(annotator_id) or ConfusionCounts.empty(self.classes)
            matrix = self._matrices[annotator_id] = confusion_matrix(counts, self._prior)
        return matrix

    @property
    def gold_units(self) -> int:
        """Return how many gold answers all of this rests on."""
        return sum(counts.units for counts in self.counts.values())


def leading(
    schema: LabelSchema,
    classed: ClassedSchema | None,
    labels: Sequence[tuple[str, Json]],
    method: Method,
    weights: Weights | None,
) -> Leading:
    """Return the label that leads.

    Args:
        schema: the project's.
        classed: the same, where it has classes.
        labels: (annotator, canonical label), one an annotator.
        method: posterior under each annotator's confusion matrix and equal class prevalence, or the majority's
            share. A label kind without classes is merged in its own way, whatever the method.
        weights: what is known of the annotators; needed for posterior.
    """
    if classed is None:
        merged = schema.merge([Vote(label) for _, label in labels])
        return Leading(merged.label, merged.support)
    classes = classed.classes
    indexed = [(annotator, classed.index(label)) for annotator, label in labels]
    if method == "majority" or weights is None:
        vote = majority(index for _, index in indexed)
        share = max(vote.votes.values()) / len(labels)
        return Leading(None if vote.label is None else classes[vote.label], share)
    evidence = [(weights.confusion(annotator), index) for annotator, index in indexed]
    chances = posterior(evidence, [1 / len(classes)] * len(classes))
    best = max(chances)
    leaders = [place for place, chance in enumerate(chances) if best - chance < TIED]
    return Leading(classes[leaders[0]] if len(leaders) == 1 else None, best)
