"""Versions of a label schema: how a label of an earlier one reads under the newest, and what each of them offered.

A schema changes by steps, each a mapping of what was said before. Nothing that was ever offered leaves the whole
schema: a class that is retired, merged into another or split stays in its place and is offered no more, so that places
of classes never move and every label that was given stays valid. A name stands for one class for ever, so that a label
reads the same whichever version it was given under.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from concord.labels.canonical_json import decoded, encoded
from concord.labels.form import Form, fields_of
from concord.labels.kinds import schema_from
from concord.labels.schema import Json, LabelFault, LabelSchema
from concord.labels.spec_edits import (
    Spec,
    class_renamed,
    field_renamed,
    field_required,
    without_classes,
    without_fields,
)

What = Literal["add", "rename", "merge", "split", "retire"]
REQUIRED = "required"
REGIONS = frozenset({"spans", "boxes", "polygons"})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a version changed.

    Attributes:
        version: that came with it; the first version of a schema is 1, and has no steps.
        field: of a form, as it is named since this version; empty for a plain kind.
        name: the class or node, as it was named before; empty: the step is of the field itself.
        into: the new name of what is renamed, the class into which it is merged, the classes into which it is split; of
            a retired field, "required" where it had to be answered.
    """

    version: int
    what: What
    field: str
    name: str
    into: tuple[str, ...] = ()


@dataclass(slots=True)
class Names:
    """What became of the names of one field's classes.

    Attributes:
        present: by former name.
        parts: the classes one of which is meant, by the name of a class that was split.
        closed: the classes that are offered no more, by the version since which they are not.
    """

    present: dict[str, str] = field(default_factory=dict)
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)

    def named(self, name: str) -> str:
        """Return what a class is called now; what was split keeps the name that it had then."""
        return self.present.get(name, name)

    def read(self, name: str) -> str | None:
        """Return the class that a name stands for now; None where it is one of several."""
        name = self.named(name)
        return None if name in self.parts else name

    def take(self, step: Step) -> None:
        """Go on by a step."""
        if step.what in ("merge", "split", "retire"):
            self.closed[step.name] = step.version
        if step.what in ("rename", "merge"):
            self._say(step.name, step.into[0])
        elif step.what == "split":
            self.parts[step.name] = step.into

    def _say(self, name: str, into: str) -> None:
        self.present = {former: into if now == name else now for former, now in self.present.items()} | {name: into}
        self.present.pop(into, None)
        for split, parts in list(self.parts.items()):
            self.parts[split] = tuple(dict.fromkeys(into if part == name else part for part in parts))
            if len(self.parts[split]) == 1:
                del self.parts[split]
                self._say(split, into)


By = Callable[[Names, str], str | None]
"""How a class's name is read."""


@dataclass(slots=True)
class Fields:
    """What became of a schema's fields, and of the classes in each.

    Attributes:
        names: by field, as it is named now.
        present: a field's name now by its former one.
        closed: fields that are asked no more.
    """

    names: dict[str, Names] = field(default_factory=dict)
    present: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    @classmethod
    def after(cls, steps: Iterable[Step]) -> "Fields":
        """Return what came of steps, in their order."""
        found = cls()
        for step in steps:
            if step.name:
                found.names.setdefault(step.field, Names()).take(step)
            elif step.what == "rename":
                found._renamed(step.field, step.into[0])
            elif step.what == "retire":
                found.closed.add(step.field)
        return found

    def _renamed(self, name: str, into: str) -> None:
        self.present = {former: into if now == name else now for former, now in self.present.items()} | {name: into}
        self.present.pop(into, None)
        if name in self.names:
            self.names[into] = self.names.pop(name)


@dataclass(frozen=True)
class Versions:
    """All versions of a label schema.

    Attributes:
        schema: whole: with all that any version offered, by the names of the newest.
        steps: by which it came to be so, oldest first.

    >>> steps = (Step(2, "rename", "", "spam", ("junk",)), Step(3, "retire", "", "ham"))
    >>> versions = Versions(schema_from({"kind": "choice", "classes": ["ham", "junk", "none"]}), steps)
    >>> versions.read("spam"), versions.read("ham"), versions.offered(2).classes, versions.offered().classes
    ('junk', 'ham', ('ham', 'junk', 'none'), ('junk', 'none'))
    """

    schema: LabelSchema
    steps: tuple[Step, ...] = ()
    _fields: Fields = field(init=False, repr=False, compare=False)
    _offered: dict[int, LabelSchema] = field(init=False, repr=False, compare=False)
    _at: dict[int, "Versions"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Reckon what became of every name."""
        object.__setattr__(self, "_fields", Fields.after(self.steps))
        object.__setattr__(self, "_offered", {})
        object.__setattr__(self, "_at", {})

    @property
    def present(self) -> int:
        """Return the newest version."""
        return self.steps[-1].version if self.steps else 1

    def at(self, version: int) -> "Versions":
        """Return the versions up to one, as they were known when it was the newest."""
        if version >= self.present:
            return self
        known = self._at.get(version)
        if known is None:
            spec = cast("Spec", self.schema.spec())
            for step in _later(self.steps, version):
                spec = _undone(spec, step)
            steps = tuple(entry for entry in self.steps if entry.version <= version)
            known = self._at[version] = Versions(schema_from(spec), steps)
        return known

    def text(self, label: str) -> str:
        """Return a label, as canonical JSON, as `named` does."""
        return encoded(self.named(decoded(label.encode()))).decode() if label and not self.as_given else label

    @property
    def as_given(self) -> bool:
        """Return whether every label reads as it was given, whichever version it was given under."""
        names = self._fields.names.values()
        return not (self._fields.present or any(name.present or name.parts for name in names))

    def closed(self, field_name: str = "") -> frozenset[str]:
        """Return the classes of a field in the whole schema that are offered no more."""
        names = self._fields.names.get(field_name)
        return frozenset(names.closed) if names is not None else frozenset()

    def former(self, field_name: str = "") -> frozenset[str]:
        """Return the names that classes of a field had and have no more."""
        names = self._fields.names.get(field_name)
        return frozenset(names.present) if names is not None else frozenset()

    def name(self, field_name: str, name: str) -> str | None:
        """Return what a class of a field is called now; None where it is one of several."""
        names = self._fields.names.get(field_name)
        return name if names is None else names.read(name)

    def field_name(self, name: str) -> str:
        """Return what a field is called now."""
        return self._fields.present.get(name, name)

    def offered(self, version: int | None = None) -> LabelSchema:
        """Return what a version offers, by its own names; the newest, unless one is named.

        It is worded once. A version that is not known yet offers what the newest does.
        """
        wanted = self.present if version is None else min(max(version, 1), self.present)
        known = self._offered.get(wanted)
        if known is None:
            spec = offered_spec(cast("Spec", self.schema.spec()), self.steps, wanted)
            known = self._offered[wanted] = self.schema if not self.steps else schema_from(spec)
        return known

    def read(self, label: Json) -> Json:
        """Return what a canonical label of any version says in the newest's names; None where it says one of several.

        What is retired reads as it was given. Reading twice is reading once.
        """
        return label if self.as_given else self._whole(label, Names.read)

    def named(self, label: Json) -> Json:
        """Return a canonical label of any version in names that the whole schema has: split classes as they were."""
        return label if self.as_given else self._whole(label, Names.named)

    def _whole(self, label: Json, by: By) -> Json:
        if not isinstance(self.schema, Form):
            return self._plain("", self.schema, label, by)
        answers: dict[str, Json] = {}
        schemas = {entry.name: entry.schema for entry in fields_of(self.schema)}
        for name, answer in cast("dict[str, dict[str, Json]]", label)["answers"].items():
            now = self.field_name(name)
            answers[now] = self._plain(now, schemas[now], answer, by)
            if answers[now] is None:
                return None
        return {"answers": {schema: answers[schema] for schema in schemas if schema in answers}}

    def answer(self, field_name: str, answer: Json) -> Json:
        """Return what an answer to a field, by its name now, says; None where it says one of several."""
        schema = next((entry.schema for entry in fields_of(self.schema) if entry.name == field_name), None)
        return answer if schema is None else self._plain(field_name, schema, answer, Names.read)

    def named_answer(self, field_name: str, answer: Json) -> Json:
        """Return an answer to a field, by its name now, as `named` does a label."""
        schema = next((entry.schema for entry in fields_of(self.schema) if entry.name == field_name), None)
        return answer if schema is None else self._plain(field_name, schema, answer, Names.named)

    def weighed(self, label: Json) -> Json:
        """Return what a label says where it is weighed beside others: read, without fields that are asked no more."""
        read = self.read(label)
        closed = self._fields.closed
        if not closed or read is None:
            return read
        answers = cast("dict[str, dict[str, Json]]", read)["answers"]
        return {"answers": {name: answer for name, answer in answers.items() if name not in closed}}

    def version_of(self, label: Json) -> int:
        """Return the newest version under which a label can be given as it stands; 1 where none is found.

        Args:
            label: canonical, in the names of the version that it was settled under, or a later one.
        """
        if not self.steps:
            return 1
        for version in range(self.present, 0, -1):
            try:
                if self.offered(version).canonical(label) == label:
                    return version
            except LabelFault:
                continue
        return 1

    def closed_since(self, label: str) -> int:
        """Return the version since which a label of any version cannot be said as it reads now; 0 where it can be.

        >>> steps = (Step(2, "split", "", "spam", ("advert", "scam")), Step(2, "add", "", "advert"))
        >>> spec = {"kind": "choice", "classes": ["ham", "spam", "scam", "advert"]}
        >>> versions = Versions(schema_from(spec), steps)
        >>> versions.closed_since('"ham"'), versions.closed_since('"spam"')
        (0, 2)

        Args:
            label: canonical JSON, in the names of whichever version.
        """
        if not self.steps:
            return 0
        given = decoded(label.encode())
        answers = self.weighed(given)
        try:
            if answers is not None and self.offered().canonical(answers) == answers:
                return 0
        except LabelFault:
            pass
        return self.version_of(self.named(given)) + 1

    def _plain(self, field_name: str, schema: LabelSchema, label: Json, by: By) -> Json:
        names = self._fields.names.get(field_name)
        if names is None or not (names.present or names.parts):
            return label
        if isinstance(label, str):
            return by(names, label) if schema.kind in ("choice", "taxonomy") else label
        if schema.kind == "choices":
            read = [by(names, str(entry)) for entry in cast("list[Json]", label)]
            return (
                None
                if None in read
                else [class_name for class_name in cast("Any", schema).classes if class_name in read]
            )
        if schema.kind in REGIONS:
            return _regions(names, schema, cast("dict[str, list[dict[str, Json]]]", label)[schema.kind], by)
        return label


def _regions(names: Names, schema: LabelSchema, regions: Sequence[dict[str, Json]], by: By) -> Json:
    """Return a drawing with each region's class read; two that have become the same are one."""
    read: list[Json] = []
    for region in regions:
        name = by(names, str(region["class"]))
        if name is None:
            return None
        if (entry := region | {"class": name}) not in read:
            read.append(entry)
    return schema.canonical({schema.kind: read})


def offered_spec(whole: Spec, steps: Sequence[Step], version: int) -> Spec:
    """Return what a version offered, as JSON: later steps are undone, and what was closed by then is left out."""
    spec = whole
    for step in _later(steps, version):
        spec = _undone(spec, step)
    known = Fields.after(entry for entry in steps if entry.version <= version)
    for name, names in known.names.items():
        spec = without_classes(spec, name, names.closed)
    return without_fields(spec, known.closed)


def _later(steps: Sequence[Step], version: int) -> Iterator[Step]:
    return (step for step in reversed(steps) if step.version > version)


def _undone(spec: Spec, step: Step) -> Spec:
    if not step.name:
        if step.what == "rename":
            return field_renamed(spec, step.into[0], step.field)
        if step.what == "retire":
            return field_required(spec, step.field, required=REQUIRED in step.into)
        return without_fields(spec, {step.field})
    if step.what == "rename":
        return class_renamed(spec, step.field, step.into[0], step.name)
    return without_classes(spec, step.field, {step.name}) if step.what == "add" else spec
