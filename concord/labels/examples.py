"""Of every kind of label a schema, and a label of it: for documents; a test holds that they are what they say."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from concord.labels.schema import Json


class Example(NamedTuple):
    """A schema as a project's definition has it, and a label as an annotator sends it."""

    schema: dict[str, Json]
    label: Json


_TREE: list[Json] = [{"id": "animal"}, {"id": "dog", "parent": "animal"}, {"id": "cat", "parent": "animal"}]

EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "choice": Example({"classes": ["ham", "spam"]}, "spam"),
        "choices": Example({"classes": ["insult", "spam", "threat"]}, ["insult", "threat"]),
        "rating": Example({"lowest": 1, "highest": 5}, 4),
        "number": Example({"low": 0, "high": 100}, 37.5),
        "preference": Example({}, {"prefer": "a", "strength": 1}),
        "ranking": Example({"items": ["first draft", "second draft"]}, ["second draft", "first draft"]),
        "spans": Example({"classes": ["person"]}, {"spans": [{"start": 0, "end": 5, "class": "person"}]}),
        "boxes": Example(
            {"classes": ["car"]}, {"boxes": [{"left": 4, "top": 2, "right": 90, "bottom": 60, "class": "car"}]}
        ),
        "polygons": Example({"classes": ["car"]}, {"polygons": [{"points": [[0, 0], [9, 0], [0, 9]], "class": "car"}]}),
        "text": Example({}, "what was heard"),
        "taxonomy": Example({"nodes": _TREE}, "dog"),
        "form": Example(
            {
                "fields": [
                    {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}},
                    {
                        "name": "severity",
                        "schema": {"kind": "rating", "lowest": 1, "highest": 5},
                        "when": {"field": "toxic", "is": ["yes"]},
                    },
                ]
            },
            {"answers": {"toxic": "yes", "severity": 3}},
        ),
    }
)


def schema_example(kind: str) -> dict[str, Json]:
    """Return a whole schema of a kind.

    >>> schema_example("rating")
    {'kind': 'rating', 'lowest': 1, 'highest': 5}
    """
    return {"kind": kind, **EXAMPLES[kind].schema}
