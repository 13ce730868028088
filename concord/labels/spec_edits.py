"""Schemas as JSON, and what a change does to them: classes and fields are renamed, left out, put in."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from concord.labels.fields import FORM

Spec: TypeAlias = dict[str, Any]
"""A schema as JSON, every default written out, as `LabelSchema.spec` gives it."""


def plain_specs(spec: Spec) -> dict[str, Spec]:
    """Return the schema of each field; a plain kind is one field whose name is empty.

    >>> plain_specs({"kind": "text"})
    {'': {'kind': 'text'}}
    """
    return {field["name"]: field["schema"] for field in spec["fields"]} if spec["kind"] == FORM else {"": spec}


def names_in(plain: Spec) -> list[str]:
    """Return the names that labels of a plain kind are made of: classes, or the nodes of a tree; none without.

    >>> names_in({"kind": "taxonomy", "nodes": [{"id": "dog"}]}), names_in({"kind": "text"})
    (['dog'], [])
    """
    return [node["id"] for node in plain["nodes"]] if "nodes" in plain else list(plain.get("classes", ()))


def class_renamed(spec: Spec, field: str, name: str, into: str) -> Spec:
    """Return a schema in which a class of a field is named otherwise, wherever it is named.

    >>> class_renamed({"kind": "choice", "classes": ["ham", "spam"]}, "", "spam", "junk")["classes"]
    ['ham', 'junk']
    """

    def named(entry: Any) -> Any:
        return into if entry == name else entry

    def of_plain(plain: Spec) -> Spec:
        if "nodes" in plain:
            nodes = [node | {"id": named(node["id"]), "parent": named(node["parent"])} for node in plain["nodes"]]
            return plain | {"nodes": nodes}
        return plain | {"classes": [named(class_name) for class_name in plain["classes"]]}

    return _edited(spec, field, of_plain, lambda values: [named(value) for value in values])


def without_classes(spec: Spec, field: str, names: Collection[str]) -> Spec:
    """Return a schema without some classes of a field, and without the answers that name them in conditions.

    >>> without_classes({"kind": "choice", "classes": ["ham", "spam", "junk"]}, "", {"junk"})["classes"]
    ['ham', 'spam']
    """

    def of_plain(plain: Spec) -> Spec:
        if "nodes" in plain:
            return plain | {"nodes": [node for node in plain["nodes"] if node["id"] not in names]}
        return _of_classes(plain, [class_name for class_name in plain["classes"] if class_name not in names])

    def left(values: list[Any]) -> list[Any]:
        return [value for value in values if not (isinstance(value, str) and value in names)]

    return _edited(spec, field, of_plain, left) if names else spec


def with_classes(spec: Spec, field: str, from_wanted: Spec, names: Collection[str]) -> Spec:
    """Return a schema with some classes more at the end, as another schema of the field has them."""

    def of_plain(plain: Spec) -> Spec:
        if "nodes" in plain:
            return plain | {"nodes": [*plain["nodes"], *(node for node in from_wanted["nodes"] if node["id"] in names)]}
        return _of_classes(
            plain, [*plain["classes"], *(class_name for class_name in from_wanted["classes"] if class_name in names)]
        )

    return _edited(spec, field, of_plain, list)


def asked_after_more(spec: Spec, field: str, names: Collection[str], wanted: Spec) -> Spec:
    """Return a form whose conditions on a field list those of some classes, too, that the wanted form lists."""
    asked = {entry["name"]: (entry["when"] or {}) for entry in wanted["fields"]}

    def after(entry: Spec) -> Spec:
        when = entry["when"]
        if not when or when["field"] != field:
            return entry
        test, listed = asks_by(when), asked.get(entry["name"], {})
        more = [name for name in listed.get(test, ()) if isinstance(name, str) and name in names]
        return entry | {"when": when | {test: [*when[test], *more]}}

    return spec | {"fields": [after(entry) for entry in spec["fields"]]}


def field_renamed(spec: Spec, name: str, into: str) -> Spec:
    """Return a form in which a field is named otherwise, wherever it is named."""

    def renamed(entry: Spec) -> Spec:
        when = entry["when"]
        if when and when["field"] == name:
            when = when | {"field": into}
        return entry | {"name": into if entry["name"] == name else entry["name"], "when": when}

    return spec | {"fields": [renamed(field) for field in spec["fields"]]}


def field_required(spec: Spec, name: str, *, required: bool) -> Spec:
    """Return a form in which a field must, or need not, be answered."""
    return spec | {
        "fields": [field | {"required": required} if field["name"] == name else field for field in spec["fields"]]
    }


def without_fields(spec: Spec, names: Collection[str]) -> Spec:
    """Return a form without some fields."""
    return spec | {"fields": [field for field in spec["fields"] if field["name"] not in names]} if names else spec


def asks_by(when: Mapping[str, Any]) -> str:
    """Return by which test a condition asks."""
    return "is" if "is" in when else "has"


def in_no_order(spec: Spec) -> Spec:
    """Return a schema with whatever it lists sorted, for comparing: fields, nodes, classes, answers of conditions."""
    if spec["kind"] == FORM:
        return spec | {
            "fields": sorted((_field_in_no_order(field) for field in spec["fields"]), key=lambda entry: entry["name"])
        }
    if "nodes" in spec:
        return spec | {"nodes": sorted(spec["nodes"], key=lambda entry: str(entry["id"]))}
    return spec | {"classes": sorted(map(str, spec["classes"]))} if "classes" in spec else spec


def _of_classes(plain: Spec, classes: list[str]) -> Spec:
    """Return a schema of other classes; as many tags as there are classes stay as many as there are."""
    if "count_max" not in plain:
        return plain | {"classes": classes}
    unbounded = plain["count_max"] == len(plain["classes"])
    return plain | {
        "classes": classes,
        "count_max": len(classes) if unbounded else min(plain["count_max"], len(classes)),
    }


def _field_in_no_order(field: Spec) -> Spec:
    when = field["when"]
    if when:
        when = when | {asks_by(when): sorted(when[asks_by(when)], key=repr)}
    return field | {"schema": in_no_order(field["schema"]), "when": when}


def _edited(
    spec: Spec, field: str, of_plain: Callable[[Spec], Spec], of_values: Callable[[list[Any]], Iterable[Any]]
) -> Spec:
    """Return a schema with one field's own schema edited, and the answers to it that conditions list."""
    if spec["kind"] != FORM:
        return of_plain(spec)

    def edited(entry: Spec) -> Spec:
        when = entry["when"]
        if when and when["field"] == field:
            when = when | {asks_by(when): list(of_values(when[asks_by(when)]))}
        return entry | {
            "schema": of_plain(entry["schema"]) if entry["name"] == field else entry["schema"],
            "when": when,
        }

    return spec | {"fields": [edited(entry) for entry in spec["fields"]]}
