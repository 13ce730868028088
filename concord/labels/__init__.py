"""What an annotator can say: one kind of label, one file; pure.

A project's schema is JSON with a `kind`; `schema_from` makes it the object that checks labels, tells how far
two are apart, whether they say the same, and merges several into one. Labels travel as the bytes of `encoded`.

| kind | a canonical label |
|---|---|
| choice | `"yes"` |
| choices | `["insult", "threat"]` in the schema's order |
| rating | `4` |
| number | `37.5` |
| preference | `{"prefer": "a", "strength": 1}`, `{"prefer": "tie", "strength": 0}` |
| ranking | `["best", "second", "third"]` |
| spans | `{"spans": [{"start": 0, "end": 5, "class": "person"}]}` in code points, end not included |
| boxes | `{"boxes": [{"left": 0.0, "top": 0.0, "right": 9.0, "bottom": 9.0, "class": "car"}]}` |
| polygons | `{"polygons": [{"points": [[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], "class": "car"}]}` |
| text | `"free text"` |
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from concord.labels.canonical_json import decoded, encoded, fits
from concord.labels.reading import object_in, shown
from concord.labels.schema import (
    LABEL_BYTES_MAX,
    ClassedSchema,
    Json,
    LabelFault,
    LabelSchema,
    Merged,
    SchemaFault,
    Vote,
)

if TYPE_CHECKING:
    from concord.labels.spans import Spans

__all__ = [
    "KINDS",
    "LABEL_BYTES_MAX",
    "ClassedSchema",
    "Json",
    "LabelFault",
    "LabelSchema",
    "Merged",
    "SchemaFault",
    "Vote",
    "decoded",
    "encoded",
    "label_of",
    "schema_from",
]

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "choice": "Choice",
        "choices": "Choices",
        "rating": "Rating",
        "number": "Number",
        "preference": "Preference",
        "ranking": "Ranking",
        "spans": "Spans",
        "boxes": "Boxes",
        "polygons": "Polygons",
        "text": "Text",
    }
)
"""Every kind of label, which is its module too, and the class there; a new kind is one file and one line here.

A kind's module is imported when a schema first asks for it: geometry and assignment are half a second and
tens of megabytes that a project of choices does not need.
"""


def label_of(schema: LabelSchema, value: Json, text_characters: int | None) -> Json:
    """Return the canonical form of a label of one unit: it fits the schema, and what the unit holds.

    Every door that takes a unit's label from somebody asks this.

    Args:
        schema: of the project.
        value: as it was sent.
        text_characters: code points of the unit's text; None where it is no text or lies elsewhere.

    Raises:
        LabelFault: it does not fit the schema, or a span ends past the text.

    >>> spans = schema_from({"kind": "spans", "classes": ["x"]})
    >>> label_of(spans, {"spans": [{"start": 0, "end": 9, "class": "x"}]}, 8)
    Traceback (most recent call last):
    concord.labels.schema.LabelFault: $.spans[0].end: 9 is past the text; send at most 8, counted in code points
    """
    label = schema.canonical(value)
    if text_characters is not None and schema.kind == "spans":
        cast("Spans", schema).check(label, text_characters)
    return label


def schema_from(spec: Json) -> LabelSchema:
    """Return the label schema that a project's JSON describes.

    The fields of a spec are `kind` and the fields of that kind's dataclass; those with a default may be
    left out.

    Raises:
        SchemaFault: an unknown kind, a field missing, unknown or wrong, each with its path and cure.

    >>> schema_from({"kind": "choice", "classes": ["yes", "no"]})
    Choice(classes=('yes', 'no'))
    >>> schema_from({"kind": "choice", "classes": ["yes", "yes"]})
    Traceback (most recent call last):
    concord.labels.schema.SchemaFault: $.classes[1]: 'yes' stands at 0 already; name each class once
    """
    kind = spec.get("kind") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(kind, str) or kind not in KINDS:
        problem = f"{shown(kind)} is no kind of label"
        raise SchemaFault("$.kind", problem, f"use one of {', '.join(KINDS)}")
    build: Any = getattr(import_module(f"concord.labels.{kind}"), KINDS[kind])
    given = [each for each in fields(build) if each.init]
    required = [each.name for each in given if each.default is MISSING]
    optional = [each.name for each in given if each.default is not MISSING]
    values = object_in(spec, "$", SchemaFault, ["kind", *required], optional)
    schema: LabelSchema = build(**{key: value for key, value in values.items() if key != "kind"})
    if not fits(schema.spec()):
        raise SchemaFault("$", f"it takes over {LABEL_BYTES_MAX} bytes", "use shorter or fewer names")
    return schema
