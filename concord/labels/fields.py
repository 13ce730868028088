"""The fields of a form: what each asks, and after which answers to an earlier one it is asked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from concord.labels.canonical_json import decoded, encoded
from concord.labels.kinds import schema_from
from concord.labels.reading import class_in, flag_in, list_in, object_in, shown, text_in
from concord.labels.schema import CLASSES_MAX, ClassedSchema, Json, LabelFault, LabelSchema, SchemaFault
from concord.labels.taxonomy import Taxonomy

FORM: Final = "form"
TITLE_CHARACTERS_MAX = 500
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
HOLDS_CLASSES: Final = frozenset({"choices", "spans", "boxes", "polygons"})
"""Kinds whose labels hold any number of the schema's classes."""

Answers: TypeAlias = Mapping[str, Json]
"""Canonical labels by the names of the fields that they answer; who left a field out, or was not asked, has none."""


@dataclass(frozen=True)
class Condition:
    """After which answers to an earlier field another is asked.

    Attributes:
        after: the earlier field's name. Where it has no answer, the other is not asked.
        test: "is", for kinds with finitely many labels: the answer is one of `values`, where the node of a taxonomy
            stands for all that is under it. "has", for choices and drawn regions: it holds one of the classes `values`.
        values: canonical JSON, as the schema says them.
    """

    after: str
    test: str
    values: tuple[str, ...]
    _asking: frozenset[str] = field(repr=False, compare=False)

    def met(self, answer: Json) -> bool:
        """Say whether a canonical answer to the earlier field asks the other one.

        >>> toxic = Field("toxic", schema_from({"kind": "choice", "classes": ["yes", "no"]}))
        >>> why = condition_in({"field": "toxic", "is": ["yes"]}, "$.when", {"toxic": toxic})
        >>> why.met("yes"), why.met("no")
        (True, False)
        """
        if self.test == "is":
            return _text(answer) in self._asking
        return not self._asking.isdisjoint(_classes_held(answer))

    def spec(self) -> dict[str, Json]:
        """Return the condition as JSON.

        >>> toxic = Field("toxic", schema_from({"kind": "choice", "classes": ["yes", "no"]}))
        >>> condition_in({"field": "toxic", "is": ["yes"]}, "$.when", {"toxic": toxic}).spec()
        {'field': 'toxic', 'is': ['yes']}
        """
        return {"field": self.after, self.test: [decoded(value.encode()) for value in self.values]}


@dataclass(frozen=True)
class Field:
    """One question of a form.

    Attributes:
        name: by which answers name it; empty for the one field of a plain kind.
        schema: of its answers.
        title: the question as people read it; empty where the name will do.
        when: after which answers it is asked; None for always.
        required: whether it must be answered when it is asked.
        classed: the schema again, where it has finitely many labels; asking a schema is too dear for every label.
    """

    name: str
    schema: LabelSchema
    title: str = ""
    when: Condition | None = None
    required: bool = True
    classed: ClassedSchema | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Ask the schema once."""
        object.__setattr__(self, "classed", self.schema if isinstance(self.schema, ClassedSchema) else None)

    def asked(self, answers: Answers) -> bool:
        """Say whether whoever gave these answers was asked this field.

        >>> Field("toxic", schema_from({"kind": "choice", "classes": ["yes", "no"]})).asked({})
        True
        """
        if self.when is None:
            return True
        answer = answers.get(self.when.after)
        return answer is not None and self.when.met(answer)

    def spec(self) -> dict[str, Json]:
        """Return the field as JSON.

        >>> Field("note", schema_from({"kind": "text"}), required=False).spec()["required"]
        False
        """
        return {
            "name": self.name,
            "title": self.title,
            "schema": self.schema.spec(),
            "when": None if self.when is None else self.when.spec(),
            "required": self.required,
        }


def field_in(value: object, path: str, earlier: Mapping[str, Field]) -> Field:
    """Return the field that JSON describes.

    Args:
        value: one of a form's `fields`.
        path: to it.
        earlier: the fields before it, by name.

    Raises:
        SchemaFault: what is wrong with it, with its path and cure.

    >>> field_in({"name": "note", "schema": {"kind": "form"}}, "$", {})
    Traceback (most recent call last):
    concord.labels.schema.SchemaFault: $.schema.kind: a form holds no form; use choice, choices, rating and the others
    """
    given = object_in(value, path, SchemaFault, ["name", "schema"], ["title", "when", "required"])
    name = given["name"]
    if not isinstance(name, str) or not NAME.fullmatch(name):
        cure = "start with a letter, then at most 63 letters a to z, digits and underscores"
        raise SchemaFault(f"{path}.name", f"{shown(name)} is no name of a field", cure)
    if name in earlier:
        raise SchemaFault(f"{path}.name", f"{shown(name)} stands before already", "name each field once")
    when = given.get("when")
    return Field(
        name,
        _plain_schema(given["schema"], f"{path}.schema"),
        text_in(given.get("title", ""), f"{path}.title", SchemaFault, TITLE_CHARACTERS_MAX),
        None if when is None else condition_in(when, f"{path}.when", earlier),
        flag_in(given.get("required", True), f"{path}.required", SchemaFault),
    )


def condition_in(value: object, path: str, earlier: Mapping[str, Field]) -> Condition:
    """Return the condition that JSON describes.

    Raises:
        SchemaFault: what is wrong with it, with its path and cure.

    >>> note = Field("note", schema_from({"kind": "text"}))
    >>> condition_in({"field": "note", "is": ["x"]}, "$.when", {"note": note})
    Traceback (most recent call last):
    concord.labels.schema.SchemaFault: $.when.field: 'note' is a field of text, which has no classes; name a field of \
choice, rating, preference, taxonomy, choices, spans, boxes or polygons
    """
    given = object_in(value, path, SchemaFault, ["field"], ["is", "has"])
    name = given["field"]
    if not isinstance(name, str) or name not in earlier:
        names = ", ".join(earlier) or "none: this is the first"
        raise SchemaFault(f"{path}.field", f"{shown(name)} is no field before this one", f"name one of {names}")
    schema = earlier[name].schema
    if isinstance(schema, ClassedSchema):
        test, values, asking = "is", *_labels(given, path, schema)
    elif schema.kind in HOLDS_CLASSES:
        test, values, asking = "has", *_names(given, path, schema)
    else:
        problem = f"{shown(name)} is a field of {schema.kind}, which has no classes"
        cure = "name a field of choice, rating, preference, taxonomy, choices, spans, boxes or polygons"
        raise SchemaFault(f"{path}.field", problem, cure)
    return Condition(name, test, values, frozenset(asking))


def _plain_schema(value: object, path: str) -> LabelSchema:
    """Return the schema of a field's answers: of any kind but a form."""
    spec = object_in(value, path, SchemaFault, ["kind"], value if isinstance(value, dict) else ())
    if spec["kind"] == FORM:
        raise SchemaFault(f"{path}.kind", "a form holds no form", "use choice, choices, rating and the others")
    try:
        return schema_from(cast("Json", spec))
    except SchemaFault as fault:
        raise fault.beneath(path) from fault


def _values(given: Mapping[str, object], path: str, wanted: str, other: str, what: str) -> list[object]:
    """Return what a condition lists under the test of its field's kind."""
    if other in given:
        raise SchemaFault(f"{path}.{other}", f"an answer to this field is {what}", f"use {shown(wanted)}")
    if wanted not in given:
        raise SchemaFault(f"{path}.{wanted}", "this field is missing", "give it")
    return list_in(given[wanted], f"{path}.{wanted}", SchemaFault, 1, CLASSES_MAX)


def _labels(given: Mapping[str, object], path: str, schema: LabelSchema) -> tuple[tuple[str, ...], list[str]]:
    """Return the labels of `is` as canonical JSON, and all labels that they stand for."""
    values: dict[str, int] = {}
    asking: list[str] = []
    for place, each in enumerate(_values(given, path, "is", "has", "one of its classes")):
        here = f"{path}.is[{place}]"
        try:
            label, stands_for = _stands_for(each, schema)
        except LabelFault as fault:
            raise SchemaFault(f"{here}{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
        if (text := _text(label)) in values:
            raise SchemaFault(here, f"it stands at {values[text]} already", "give each answer once")
        values[text] = place
        asking += map(_text, stands_for)
    return tuple(values), asking


def _stands_for(value: object, schema: LabelSchema) -> tuple[Json, Sequence[Json]]:
    if isinstance(schema, Taxonomy):
        node = class_in(value, "$", schema.ids)
        return node, schema.under(node)
    label = schema.canonical(cast("Json", value))
    return label, [label]


def _names(given: Mapping[str, object], path: str, schema: LabelSchema) -> tuple[tuple[str, ...], list[str]]:
    """Return the classes of `has` as canonical JSON, and themselves."""
    classes: Sequence[str] = cast("Any", schema).classes
    names: dict[str, int] = {}
    for place, each in enumerate(_values(given, path, "has", "is", "any number of its classes")):
        here = f"{path}.has[{place}]"
        try:
            name = class_in(each, "$", classes)
        except LabelFault as fault:
            raise SchemaFault(here, fault.problem, fault.cure) from fault
        if name in names:
            raise SchemaFault(here, f"{shown(name)} stands at {names[name]} already", "give each class once")
        names[name] = place
    return tuple(map(_text, names)), [*names]


def _classes_held(label: Json) -> set[str]:
    """Return the classes in a label of choices or of drawn regions."""
    if isinstance(label, dict):
        return {str(region["class"]) for regions in label.values() for region in cast("list[Any]", regions)}
    return set(map(str, cast("list[Json]", label)))


def _text(label: Json) -> str:
    return encoded(label).decode()
