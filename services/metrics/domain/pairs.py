"""How far two annotators agree on the units that both labelled: Cohen's kappa by pair, for those with most evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from concord.labels import LabelSchema
from concord.quality.cohen import cohen_kappa
from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.bounded import Sampled
from services.metrics.domain.survey import BETWEEN, Both, Text, as_read, by_field, is_value
from services.metrics.domain.unit import Settlement, Unit, asked_of_all

PAIRS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators.

    Attributes:
        kappa: Cohen's, weighted by squares where classes have an order; its units are those that both labelled.
        agreement: share of these on which both said the same.
    """

    first: str
    second: str
    kappa: Estimate
    agreement: Estimate


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of annotators in the labels, or in one field of them.

    Attributes:
        field: which; empty: the whole label.
        pairs: those with the most evidence.
        met: how many pairs share a unit, among those that are counted.
        counted: which part of all pairs is: a random one, where there are too many.
    """

    field: str
    pairs: list[Pair]
    met: int
    counted: float


@dataclass(frozen=True, slots=True)
class Apart:
    """A unit on which two annotators disagree.

    Attributes:
        first, second: what each said, canonical JSON, as it reads now.
        at_us: when the later of them did.
        settlement: how the unit stands.
    """

    unit_id: str
    first: str
    second: str
    at_us: int
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Disagreed:
    """On what two annotators disagree.

    Attributes:
        both, disagreed: units that both labelled, and on which they said something else, closed ones among them.
        units: those that are open.
    """

    both: int
    disagreed: int
    units: list[Apart]


def apart(unit_id: str, unit: Unit, field_name: str, first: str, second: str, read: Text = str) -> Iterator[Apart]:
    """Yield the unit if these two disagree on it: by the labels that pairs are counted of, those asked of every unit.

    What each said is compared, and told, as it reads now.

    >>> from services.metrics.domain.unit import Annotation
    >>> said = {"a": Annotation("ann", '"no"', at_us=1), "b": Annotation("bob", '"yes"', at_us=2)}
    >>> unit = Unit("k1-p", annotations=said, asked=2)
    >>> [(one.first, one.second, one.at_us) for one in apart("k1-u1", unit, "", "bob", "ann")]
    [('"yes"', '"no"', 2)]
    """
    if unit.gold or unit.erased:
        return
    asked = as_read(asked_of_all(unit), read)
    at_us = {annotation.annotator_id: annotation.at_us for annotation in asked}
    if first not in at_us or second not in at_us:
        return
    answers = dict(dict(by_field(asked)).get(field_name, ()))
    label, other = answers.get(first, ""), answers.get(second, "")
    if label and other and label != other and is_value(label) and is_value(other):
        yield Apart(unit_id, label, other, max(at_us[first], at_us[second]), unit.settlement)


def weights_of(schema: LabelSchema) -> Literal["identity", "quadratic"]:
    """Return how far near classes agree: in part where they have an order."""
    return "quadratic" if schema.alpha_metric in {"ordinal", "interval"} else "identity"


def most_evidence(found: Sampled[Both]) -> list[str]:
    """Return the keys of the pairs that share the most units, and of as many the first by name."""
    return sorted(found.tables, key=lambda key: (-sum(found.tables[key].values()), key))[:PAIRS_SHOWN_MAX]


def pairs_of(found: Sampled[Both], schema: LabelSchema, keys: Sequence[str]) -> Iterator[Pair]:
    """Yield how far pairs agree, one after another, for each takes a fraction of a millisecond.

    >>> from concord.labels import schema_from
    >>> pairs = Sampled[Both](10, 10)
    >>> for both, times in ((('"no"', '"no"'), 40), (('"no"', '"yes"'), 10), (('"yes"', '"yes"'), 50)):
    ...     pairs.add(f"ann{BETWEEN}bob", both, times)
    >>> (pair,) = pairs_of(pairs, schema_from({"kind": "choice", "classes": ["no", "yes"]}), most_evidence(pairs))
    >>> pair.first, pair.second, round(pair.kappa.value, 2), pair.kappa.units, pair.agreement.value
    ('ann', 'bob', 0.8, 100, 0.9)
    """
    classes, weights = classes_of(schema), weights_of(schema)
    for key in keys:
        first, _, second = key.partition(BETWEEN)
        cells = found.tables[key]
        earlier = sorted({label for both in cells for label in both}.difference(classes))
        places = {label: place for place, label in enumerate([*classes, *earlier])}
        table = np.zeros((len(places), len(places)))
        for (label, other), units in cells.items():
            table[places[label], places[other]] += units
        same = sum(units for (left, other), units in cells.items() if left == other)
        yield Pair(first, second, cohen_kappa(table, weights), wilson(same, sum(cells.values())))
