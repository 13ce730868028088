"""In which order somebody is shown what a label chooses between: people favour what stands first."""

import hashlib

from concord.labels.form import Form
from concord.labels.preference import Preference, shuffled
from concord.labels.ranking import Ranking
from concord.labels.schema import LabelSchema

SIDES = ("a", "b")


def shown_orders(schema: LabelSchema, seed: str) -> dict[str, list[str]]:
    """Return by field in which order its answers or items stand; a label of one field has the empty name.

    Labels name the true sides and items, whatever order they were shown in. What has no such order is left out.

    >>> shown_orders(Ranking(("x", "y", "z")), "secret:unit-1:ann")
    {'': ['x', 'z', 'y']}
    >>> shown_orders(Preference(), "secret:unit-2:ann")
    {'': ['a', 'b']}

    Args:
        schema: of the label.
        seed: names the unit and the annotator, and holds a secret: the same is shown again, and nobody can foresee it.
    """
    fields = [(field.name, field.schema) for field in schema.fields] if isinstance(schema, Form) else [("", schema)]
    orders: dict[str, list[str]] = {}
    for name, asked in fields:
        if isinstance(asked, Preference):
            orders[name] = list(shuffled(SIDES, f"{seed}/{name}"))
        elif isinstance(asked, Ranking):
            drawn = {item: _drawn(f"{seed}/{name}/{item}") for item in asked.items}
            orders[name] = sorted(asked.items, key=drawn.__getitem__)
    return orders


def has_order(schema: LabelSchema) -> bool:
    """Return whether anything of a label has an order in which it is shown.

    >>> from concord.labels.choice import Choice
    >>> has_order(Preference()), has_order(Ranking(("x", "y", "z"))), has_order(Choice(("no", "yes")))
    (True, True, False)
    """
    asked = [field.schema for field in schema.fields] if isinstance(schema, Form) else [schema]
    return any(isinstance(entry, Preference | Ranking) for entry in asked)


def stood_first(schema: LabelSchema, seed: str) -> dict[str, str]:
    """Return by field what stood first.

    >>> stood_first(Ranking(("x", "y", "z")), "secret:unit-1:ann")
    {'': 'x'}
    """
    return {name: order[0] for name, order in shown_orders(schema, seed).items()}


def _drawn(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
