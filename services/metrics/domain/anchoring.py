"""How far shown suggestions bend labels: against the random arm from which they were kept.

Whether a unit's suggestion is shown is drawn at random (`policy.suggestions.hidden_rate`), so the two arms differ in
nothing else, and the difference of what is labelled is what showing did. A label follows a suggestion when it says
exactly the same. Annotators agree with a good suggestion unseen, too: that is the hidden arm's rate. On gold it is
known where suggestions are wrong, and how often they are followed there is what they cost.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from concord.quality.clustered import Clusters, Difference, clustered_difference, clustered_rate
from concord.quality.estimate import Estimate
from concord.quality.many_tests import benjamini_hochberg
from services.metrics.domain.bounded import Sampled
from services.metrics.domain.standing import SaysSame
from services.metrics.domain.survey import Followed
from services.metrics.domain.unit import Unit, known_label

CLASSES_MAX = 12
UNITS_MIN = 50
"""Below so many units in either arm nothing is said."""
UNITS = "units"


@dataclass(slots=True)
class Arms:
    """The two arms.

    Attributes:
        shown, hidden: clusters of units: labels, and how many of them do what is looked at.
    """

    shown: Clusters = field(default_factory=Clusters)
    hidden: Clusters = field(default_factory=Clusters)

    def add(self, labels: int, hits: int, units: int = 1, *, is_shown: bool) -> None:
        """Count units of an arm."""
        (self.shown if is_shown else self.hidden).add(labels, hits, units)


@dataclass(frozen=True, slots=True)
class Bend:
    """What showing suggestions did.

    Attributes:
        label: where it is looked at: what was suggested, canonical JSON; empty: all suggestions.
        shown, hidden: the arms' rates.
        difference: of the shown arm less the hidden one.
        adjusted: its p-value, with all suggested labels looked at together; of all suggestions its own.
    """

    label: str
    shown: Estimate
    hidden: Estimate
    difference: Difference
    adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class Anchored:
    """What showing suggestions did to the labels, or to one field of them.

    Attributes:
        field: which; empty: the whole label.
        followed: labels that say exactly what was suggested.
        by_label: the same by what was suggested.
        gold_errors: answers on gold that are wrong.
        gold_misled: of wrong suggestions on gold, the answers that say exactly the same.
    """

    field: str
    followed: Bend
    by_label: list[Bend]
    gold_errors: Bend
    gold_misled: Bend


@dataclass(slots=True)
class GoldArms:
    """Gold units with a suggestion.

    Attributes:
        errors: answers that are wrong.
        misled: of suggestions that are wrong, the answers that say exactly the same.
    """

    errors: Arms = field(default_factory=Arms)
    misled: Arms = field(default_factory=Arms)

    def add(self, unit: Unit, says_same: SaysSame, answer: Callable[[str], str]) -> None:
        """Count the answers to a gold unit; `answer` takes out of a label what is judged, empty where it is not."""
        traits = unit.traits
        if traits is None or not traits.suggested:
            return
        known, suggested = answer(known_label(unit)), answer(traits.suggested)
        labels = [label for label in (answer(annotation.label) for annotation in unit.annotations.values()) if label]
        if not (known and suggested and labels):
            return
        is_shown = not traits.hidden
        self.errors.add(len(labels), sum(not says_same(known, label) for label in labels), is_shown=is_shown)
        if not says_same(known, suggested):
            self.misled.add(len(labels), sum(label == suggested for label in labels), is_shown=is_shown)


def followed(found: Sampled[Followed]) -> tuple[Bend, list[Bend]]:
    """Return how far suggestions are followed: all of them, and by what is suggested.

    >>> told = Sampled[Followed](10, 10)
    >>> for cell, units in (((True, 2, 2), 90), ((True, 2, 1), 10), ((False, 2, 2), 50), ((False, 2, 0), 50)):
    ...     told.add('"yes"', cell, units)
    >>> bend, _ = followed(told)
    >>> bend.shown.value, bend.hidden.value, round(bend.difference.value, 2), bend.difference.p_value < 0.001
    (0.95, 0.5, 0.45, True)
    """
    whole, by_label = Arms(), {label: Arms() for label in found.tables}
    for label, table in found.tables.items():
        for (is_shown, labels, hits), units in table.items():
            whole.add(labels, hits, units, is_shown=is_shown)
            by_label[label].add(labels, hits, units, is_shown=is_shown)
    many = {label: arms.shown.trials + arms.hidden.trials for label, arms in by_label.items() if label}
    often = sorted(many, key=lambda label: (-many[label], label))[:CLASSES_MAX]
    return bend(whole), tested(bend(by_label[label], label) for label in often)


def bend(arms: Arms, label: str = "") -> Bend:
    """Return what showing did, where there are enough units in both arms."""
    rates = clustered_rate(arms.shown, UNITS), clustered_rate(arms.hidden, UNITS)
    fewer = min(arms.shown.clusters, arms.hidden.clusters)
    if fewer < UNITS_MIN:
        reason = f"one arm has {fewer} units, {UNITS_MIN} are needed"
        return Bend(label, *rates, Difference(None, None, None, None, reason))
    difference = clustered_difference(arms.shown, arms.hidden, UNITS)
    return Bend(label, *rates, difference, difference.p_value)


def tested(found: Iterable[Bend]) -> list[Bend]:
    """Return what became of each suggested label, with p-values as all of them together have them."""
    several = list(found)
    places = [place for place, contrast in enumerate(several) if contrast.difference.p_value is not None]
    adjusted = benjamini_hochberg([several[place].difference.p_value or 0.0 for place in places])
    for place, value in zip(places, adjusted, strict=True):
        several[place] = replace(several[place], adjusted=value)
    return several
