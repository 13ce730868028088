"""Models held against people: how far they say the same, class by class, and how often models are right."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from concord.labels import LabelSchema
from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.pairs import pairs_of
from services.metrics.domain.survey import Aspect, Both

CLASSES_SHOWN_MAX = 200
"""Of those that were given most."""


@dataclass(frozen=True, slots=True)
class ClassBeside:
    """One class, as canonical JSON.

    Attributes:
        of_people: of the units that the person gave it, the share that the model gave it, too.
        of_model: of the units that the model gave it, the share that the person gave it, too.
    """

    label: str
    of_people: Estimate
    of_model: Estimate


@dataclass(frozen=True, slots=True)
class ModelBeside:
    """A model in the labels, or in one field of them.

    Attributes:
        field: which; empty: the whole label.
        agreement: share of the units on which it says what the person says who labelled the unit first: one person a
            unit, so that units are independent and the interval is Wilson's.
        kappa: Cohen's of the same, weighted by squares where classes have an order; None where labels have no classes.
        resolved: share of the settled units in which it had no part of which it says what they were settled with.
        classes: those that either gave, most frequent first.
    """

    field: str
    agreement: Estimate
    kappa: Estimate | None
    resolved: Estimate
    classes: list[ClassBeside]


def models_in(aspect: Aspect) -> set[str]:
    """Return the models of which anything is counted."""
    return {*aspect.beside.tables, *aspect.resolved.tables}


def model_beside(field_name: str, schema: LabelSchema, aspect: Aspect, model_id: str) -> ModelBeside:
    """Return how far a model says what people say, and what units were settled with.

    >>> from concord.labels import schema_from
    >>> found = Aspect()
    >>> for mine, theirs in [("yes", "yes"), ("yes", "no"), ("no", "no")]:
    ...     found.beside.add("m1", (f'"{mine}"', f'"{theirs}"'))
    >>> schema = schema_from({"kind": "choice", "classes": ["no", "yes"]})
    >>> told = model_beside("", schema, found, "m1")
    >>> round(told.agreement.value, 2), [(one.label, one.of_people.units) for one in told.classes]
    (0.67, [('"no"', 2), ('"yes"', 1)])
    """
    beside, resolved = aspect.beside.tables.get(model_id, {}), aspect.resolved.tables.get(model_id, {})
    found = next(pairs_of(aspect.beside, schema, [model_id])) if beside and classes_of(schema) else None
    kappa = None if found is None else found.kappa
    return ModelBeside(field_name, _same(beside), kappa, _same(resolved), list(_by_class(beside)))


def _same(table: Mapping[Both, int]) -> Estimate:
    same = sum(units for (mine, theirs), units in table.items() if mine == theirs)
    return wilson(same, sum(table.values()))


def _by_class(table: Mapping[Both, int]) -> Iterator[ClassBeside]:
    mine, theirs, both = Counter[str](), Counter[str](), Counter[str]()
    for (first, other), units in table.items():
        mine[first] += units
        theirs[other] += units
        both[first] += units if first == other else 0
    for label in sorted(mine | theirs, key=lambda name: (-theirs[name] - mine[name], name))[:CLASSES_SHOWN_MAX]:
        yield ClassBeside(label, wilson(both[label], theirs[label]), wilson(both[label], mine[label]))
