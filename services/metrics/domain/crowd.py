"""What a project's hidden gold says of its annotators together: how far they err together, and the mix of classes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concord.labels.form import answers_in
from concord.quality.dependence import Dependence, GoldUnit, fitted
from services.metrics.domain.standing import AS_GIVEN
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import Unit, judged_by, known_label

ASSUMED_LOW, ASSUMED_HIGH = 0.6, 0.99
"""What a crowd without gold is held to be right in lies between these, as where its labels are weighed."""


@dataclass(frozen=True, slots=True)
class CrowdFound:
    """What is concluded.

    Attributes:
        gold_units: (class, units), classes by their places in the schema's order.
        gold_answers: that are in all of this.
    """

    revision: int
    learnt_at_us: int
    classes: int
    dependence: Dependence
    gold_units: tuple[tuple[int, int], ...]
    gold_answers: int


def crowd_found(sums: Sums, classes: Sequence[str], pass_accuracy: float, field: str = "") -> CrowdFound:
    """Return what the gold of a project says, of its labels or of one field of them.

    Args:
        sums: the project's.
        classes: canonical JSON of the schema's classes, two or more.
        pass_accuracy: the bar of its annotators: what is assumed of them before there is gold.
        field: of labels that have several. Who did not answer it on a gold unit that does is not counted there.
    """
    places = {label: place for place, label in enumerate(classes)}
    names = sums.names.of_field(field) if field else sums.names

    def answer(label: str) -> str:
        return names.text(text) if (text := _answer(label, field)) and names is not AS_GIVEN else text

    gold = ((unit_id, unit, answer(known_label(unit))) for unit_id, unit in sums.gold.items())
    units = [
        _gold_unit(unit_id, places[known], unit, places, answer)
        for unit_id, unit, known in gold
        if known in places and known not in names.aside
    ]
    seen = Counter(unit.known for unit in units)
    assumed = min(max(pass_accuracy, ASSUMED_LOW), ASSUMED_HIGH)
    return CrowdFound(
        revision=sums.gold_learnt,
        learnt_at_us=sums.gold_at_us,
        classes=len(classes),
        dependence=fitted(units, len(classes), assumed),
        gold_units=tuple(sorted(seen.items())),
        gold_answers=sum(len(unit.answers) for unit in units),
    )


def _answer(label: str, field: str) -> str:
    """Return what a label says in a field, canonical JSON; nothing where it does not answer it."""
    return (answers_in(label) or {}).get(field, "") if field else label


def _gold_unit(unit_id: str, known: int, unit: Unit, places: dict[str, int], answer: Callable[[str], str]) -> GoldUnit:
    # One voice an annotator: of several assignments the one that was answered last speaks.
    annotations = sorted(unit.annotations.values(), key=lambda annotation: (annotation.at_us, annotation.label))
    given = (
        (annotation.annotator_id, answer(annotation.label)) for annotation in annotations if judged_by(unit, annotation)
    )
    answers = {annotator_id: places[label] for annotator_id, label in given if label in places}
    return GoldUnit(unit_id, known, list(answers.items()))
