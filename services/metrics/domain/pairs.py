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
from services.metrics.domain.survey import BETWEEN, Both

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


def weights_of(schema: LabelSchema) -> Literal["identity", "quadratic"]:
    """Return how far near classes agree: in part where they have an order."""
    return "quadratic" if schema.alpha_metric in {"ordinal", "interval"} else "identity"


def most_evidence(found: Sampled[Both], shown_max: int = PAIRS_SHOWN_MAX) -> list[str]:
    """Return the keys of the pairs that share the most units, and of as many the first by name."""
    return sorted(found.tables, key=lambda key: (-sum(found.tables[key].values()), key))[:shown_max]


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
        for (one, other), units in cells.items():
            table[places[one], places[other]] += units
        same = sum(units for (one, other), units in cells.items() if one == other)
        yield Pair(first, second, cohen_kappa(table, weights), wilson(same, sum(cells.values())))
