"""The kinds of label by name, and the schema that a project's JSON describes."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from concord.labels.canonical_json import fits
from concord.labels.reading import object_in, shown
from concord.labels.schema import LABEL_BYTES_MAX, Json, LabelSchema, SchemaFault

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
        "taxonomy": "Taxonomy",
        "form": "Form",
    }
)
"""Every kind of label, which is its module too, and the class there; a new kind is one file and one line here.

A kind's module is imported when a schema first asks for it: geometry and assignment are half a second and
tens of megabytes that a project of choices does not need.
"""


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
