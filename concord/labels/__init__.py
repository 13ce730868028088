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
| taxonomy | `"dog"`, the id of a node of the schema's tree |
| form | `{"answers": {"toxic": "yes", "severity": 3}}`, by field, each of a kind above |
"""

from typing import TYPE_CHECKING, cast

from concord.labels.canonical_json import decoded, encoded
from concord.labels.kinds import KINDS, schema_from
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
    from concord.labels.form import Form
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
    if text_characters is not None and schema.kind in ("spans", "form"):
        cast("Spans | Form", schema).check(label, text_characters)
    return label
