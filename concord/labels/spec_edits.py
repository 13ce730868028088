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
    return {one["name"]: one["schema"] for one in spec["fields"]} if spec["kind"] == FORM else {"": spec}


def names_in(plain: Spec) -> list[str]:
    """Return the names that labels of a plain kind are made of: classes, or the nodes of a tree; none without.

    >>> names_in({"kind": "taxonomy", "nodes": [{"id": "dog"}]}), names_in({"kind": "text"})
    (['dog'], [])
    """
    return [one["id"] for one in plain["nodes"]] if "nodes" in plain else list(plain.get("classes", ()))


def class_renamed(spec: Spec, field: str, name: str, into: str) -> Spec:
    """Return a schema in which a class of a field is named otherwise, wherever it is named.

    >>> class_renamed({"kind": "choice", "classes": ["ham", "spam"]}, "", "spam", "junk")["classes"]
    ['ham', 'junk']
    """

    def named(one: Any) -> Any:
        return into if one == name else one

    def of_plain(plain: Spec) -> Spec:
        if "nodes" in plain:
            nodes = [one | {"id": named(one["id"]), "parent": named(one["parent"])} for one in plain["nodes"]]
            return plain | {"nodes": nodes}
        return plain | {"classes": [named(one) for one in plain["classes"]]}

    return _edited(spec, field, of_plain, lambda values: [named(one) for one in values])


def without_classes(spec: Spec, field: str, names: Collection[str]) -> Spec:
    """Return a schema without some classes of a field, and without the answers that name them in conditions.

    >>> without_classes({"kind": "choice", "classes": ["ham", "spam", "junk"]}, "", {"junk"})["classes"]
    ['ham', 'spam']
    """

    def of_plain(plain: Spec) -> Spec:
        if "nodes" in plain:
            return plain | {"nodes": [one for one in plain["nodes"] if one["id"] not in names]}
        return _of_classes(plain, [one for one in plain["classes"] if one not in names])

    def left(values: list[Any]) -> list[Any]:
        return [one for one in values if not (isinstance(one, str) and one in names)]

    return _edited(spec, field, of_plain, left) if names else spec


def with_classes(spec: Spec, field: str, from_wanted: Spec, names: Collection[str]) -> Spec:
    """Return a schema with some classes more at the end, as another schema of the field has them."""

    def of_plain(plain: Spec) -> Spec:
        if "nodes" in plain:
            return plain | {"nodes": [*plain["nodes"], *(one for one in from_wanted["nodes"] if one["id"] in names)]}
        return _of_classes(plain, [*plain["classes"], *(one for one in from_wanted["classes"] if one in names)])

    return _edited(spec, field, of_plain, list)


def asked_after_more(spec: Spec, field: str, names: Collection[str], wanted: Spec) -> Spec:
    """Return a form whose conditions on a field list those of some classes, too, that the wanted form lists."""
    asked = {one["name"]: (one["when"] or {}) for one in wanted["fields"]}

    def after(one: Spec) -> Spec:
        when = one["when"]
        if not when or when["field"] != field:
            return one
        test, listed = asks_by(when), asked.get(one["name"], {})
        more = [name for name in listed.get(test, ()) if isinstance(name, str) and name in names]
        return one | {"when": when | {test: [*when[test], *more]}}

    return spec | {"fields": [after(one) for one in spec["fields"]]}


def field_renamed(spec: Spec, name: str, into: str) -> Spec:
    """Return a form in which a field is named otherwise, wherever it is named."""

    def renamed(one: Spec) -> Spec:
        when = one["when"]
        if when and when["field"] == name:
            when = when | {"field": into}
        return one | {"name": into if one["name"] == name else one["name"], "when": when}

    return spec | {"fields": [renamed(one) for one in spec["fields"]]}


def field_required(spec: Spec, name: str, *, required: bool) -> Spec:
    """Return a form in which a field must, or need not, be answered."""
    return spec | {"fields": [one | {"required": required} if one["name"] == name else one for one in spec["fields"]]}


def without_fields(spec: Spec, names: Collection[str]) -> Spec:
    """Return a form without some fields."""
    return spec | {"fields": [one for one in spec["fields"] if one["name"] not in names]} if names else spec


def asks_by(when: Mapping[str, Any]) -> str:
    """Return by which test a condition asks."""
    return "is" if "is" in when else "has"


def in_no_order(spec: Spec) -> Spec:
    """Return a schema with whatever it lists sorted, for comparing: fields, nodes, classes, answers of conditions."""
    if spec["kind"] == FORM:
        return spec | {
            "fields": sorted((_field_in_no_order(one) for one in spec["fields"]), key=lambda one: one["name"])
        }
    if "nodes" in spec:
        return spec | {"nodes": sorted(spec["nodes"], key=lambda one: str(one["id"]))}
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

    def edited(one: Spec) -> Spec:
        when = one["when"]
        if when and when["field"] == field:
            when = when | {asks_by(when): list(of_values(when[asks_by(when)]))}
        return one | {"schema": of_plain(one["schema"]) if one["name"] == field else one["schema"], "when": when}

    return spec | {"fields": [edited(one) for one in spec["fields"]]}
