"""Consensus on a label of several fields: each by its kind and by what is known of its annotators in that field."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import NamedTuple

from concord.labels import Json, Merged
from concord.labels.fields import Field
from concord.labels.form import Form, answers_of, by_field, whole
from services.adjudicate.domain.consensus import FieldStanding, Leading, Method, Weights, leading


class Known(NamedTuple):
    """What consensus on one field rests on; see `consensus.leading`."""

    weights: Weights | None
    seen: Mapping[int, int]
    closed: frozenset[int] = frozenset()


def leading_form(
    form: Form, labels: Sequence[tuple[str, Json]], method: Method, known: Callable[[Field], Known]
) -> Leading:
    """Return the label that leads, and how each of its fields stands.

    Field after field along the leading answers (`form.by_field`): those with classes by `method`, from the people whose
    own answers asked them, the others in the way of their kind. The confidence is that of the whole label, that every
    answer is right at once: the product of the posteriors, which is exact where fields go wrong independently and too
    low where what misleads in one misleads in another; or the least share of the fields that have one, where less.

    Args:
        form: the project's schema.
        labels: (annotator, canonical label), one an annotator.
        method: as in `consensus.leading`.
        known: what is known of the annotators in a field that has classes.
    """
    answered = [answers_of(form, label) for _, label in labels]

    def decide(field: Field, places: Sequence[int]) -> Merged:
        given = [(labels[place][0], answered[place][field.name]) for place in places]
        rests_on = known(field) if field.classed is not None else Known(None, {})
        found = leading(
            field.schema, field.classed, given, method, rests_on.weights, rests_on.seen, closed=rests_on.closed
        )
        return Merged(found.label, found.confidence, "as its field is decided")

    parts = by_field(form, answered, [1.0] * len(labels), decide)
    posterior = [part.support for part in parts if method == "posterior" and part.field.classed is not None]
    shares = [part.support for part in parts if method != "posterior" or part.field.classed is None]
    standings = tuple(FieldStanding(part.field.name, part.support, part.decided) for part in parts)
    return Leading(whole(parts).label, min(prod(posterior), *shares, 1.0), fields=standings)
