"""Changes of a label schema: a mapping of what was offered to what is, or a refusal that says what is not mapped."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from concord.labels.fields import FORM, NAME
from concord.labels.kinds import schema_from
from concord.labels.reading import shown
from concord.labels.schema import LabelSchema, SchemaFault
from concord.labels.spec_edits import (
    Spec,
    asked_after_more,
    asks_by,
    class_renamed,
    field_renamed,
    field_required,
    in_no_order,
    names_in,
    plain_specs,
    with_classes,
)
from concord.labels.taxonomy import Taxonomy
from concord.labels.versions import REQUIRED, Step, Versions, What, offered_spec

STEPS_BYTES_MAX = 100_000
"""Of the steps of all versions of a schema, as JSON: they are told with every revision of the project."""
NAMES_SHOWN = 20


class Fault(NamedTuple):
    """What keeps a change from being a mapping: in which field of the definition, and what to send instead."""

    field: str
    problem: str
    cure: str


class ChangeRefused(ValueError):
    """The schema that is wished for does not follow from the one before by what is said of it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field} {fault.problem}" for fault in faults))
        self.faults = faults


class ClassChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of classes, or of a taxonomy's nodes; what is not named stays, and what is new needs no word.

    Attributes:
        rename: what a class is called from now on, by its name.
        merge: into which class another goes, by its name; it may be a new one.
        split: the classes that a class is divided into, by its name; labels of it say no more than "one of these".
        retire: classes that are offered no more; labels of them stay as they are.
    """

    rename: dict[str, str] = {}
    merge: dict[str, str] = {}
    split: dict[str, tuple[str, ...]] = {}
    retire: tuple[str, ...] = ()


class SchemaChange(ClassChange, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of a schema's classes, and of a form's fields.

    Attributes:
        fields: of a form, what becomes of the classes of its fields, by the names that the fields have from now on.
        rename_fields: what a field is called from now on, by its name.
        retire_fields: fields that are asked no more; their answers stay as they are.
    """

    fields: dict[str, ClassChange] = {}
    rename_fields: dict[str, str] = {}
    retire_fields: tuple[str, ...] = ()


class Changed(NamedTuple):
    """A schema after a change: whole, and the steps that the new version came by."""

    whole: Spec
    steps: tuple[Step, ...]


def changed(known: Versions, wanted: LabelSchema, change: SchemaChange) -> Changed | None:
    """Return the whole schema after a change, with its new steps; None where what is wanted is offered already.

    Args:
        known: the versions so far.
        wanted: what is to be offered.
        change: what becomes of what is offered now; what is only new needs no word.

    Raises:
        ChangeRefused: something that was offered is neither offered again nor mapped, or something else differs.

    >>> known = Versions(schema_from({"kind": "choice", "classes": ["ham", "spam"]}))
    >>> wanted = schema_from({"kind": "choice", "classes": ["ham", "junk"]})
    >>> changed(known, wanted, SchemaChange(rename={"spam": "junk"})).steps
    (Step(version=2, what='rename', field='', name='spam', into=('junk',)),)
    >>> changed(known, wanted, SchemaChange())
    Traceback (most recent call last):
    concord.labels.schema_change.ChangeRefused: label_schema.classes leaves 'spam' out, and labels have it
    """
    if in_no_order(spec_of(known.offered())) == in_no_order(spec_of(wanted)):
        return None
    making = _Making(known, spec_of(wanted))
    if wanted.kind != known.schema.kind:
        cure = "define a new project: labels of two kinds are not weighed beside one another"
        making.fault("label_schema.kind", f"is {wanted.kind}, and labels are of {known.schema.kind}", cure)
    else:
        making.fields(change)
        making.classes(change)
        if not making.faults:
            making.additions()
    if not making.faults:
        making.check()
    if making.faults:
        raise ChangeRefused(making.faults)
    return Changed(making.spec, tuple(making.steps))


def spec_of(schema: LabelSchema) -> Spec:
    """Return a schema as JSON."""
    return dict(schema.spec())


class _Making:
    """A change in the making: the whole schema as far as it is changed, the steps so far, and what is wrong."""

    def __init__(self, known: Versions, wanted: Spec) -> None:
        self.known = known
        self.wanted = wanted
        self.version = known.present + 1
        self.spec = spec_of(known.schema)
        self.steps: list[Step] = []
        self.faults: list[Fault] = []
        offered = spec_of(known.offered())
        self.before = {name: names_in(plain) for name, plain in plain_specs(offered).items()}
        """The classes that are offered now, by field as it is named from now on; fields are renamed first."""
        self.now = {name: names_in(plain) for name, plain in plain_specs(wanted).items()}

    def fault(self, field: str, problem: str, cure: str) -> None:
        self.faults.append(Fault(field, problem, cure))

    def step(self, what: What, field: str, name: str, *into: str) -> None:
        self.steps.append(Step(self.version, what, field, name, into))

    def fields(self, change: SchemaChange) -> None:
        """Rename and retire fields."""
        offered = list(self.before)
        used = {*plain_specs(self.spec), *(former_field for former_field in self._former_fields())}
        for name, into in change.rename_fields.items():
            path = f"schema_change.rename_fields.{name}"
            if name not in offered or not name:
                self.fault(path, "is no field that is asked now", f"name one of {_some(offered)}")
            elif into in used and self.known.field_name(into) != name:
                self.fault(path, f"is to be {shown(into)}, which names or named another field", "name it otherwise")
            elif not NAME.fullmatch(into):
                cure = "start with a letter, then at most 63 letters a to z, digits and underscores"
                self.fault(path, f"is to be {shown(into)}, which is no name of a field", cure)
            else:
                self.spec = field_renamed(self.spec, name, into)
                self.before[into] = self.before.pop(name)
                used.add(into)
                self.step("rename", name, "", into)
        for name in change.retire_fields:
            if name not in self.before or not name:
                cure = f"name one of {_some(self.before)}"
                self.fault("schema_change.retire_fields", f"names {shown(name)}, which is no field asked now", cure)
                continue
            required = next(field["required"] for field in self.spec["fields"] if field["name"] == name)
            self.spec = field_required(self.spec, name, required=False)
            del self.before[name]
            self.step("retire", name, "", *((REQUIRED,) if required else ()))

    def _former_fields(self) -> Iterable[str]:
        return (step.field for step in self.known.steps if not step.name and step.what == "rename")

    def classes(self, change: SchemaChange) -> None:
        """Rename, merge, split and retire classes."""
        of_form = self.spec["kind"] == FORM
        if of_form and (change.rename or change.merge or change.split or change.retire):
            self.fault("schema_change", "names classes, and the labels are of several fields", "name them under fields")
            return
        if not of_form and change.fields:
            self.fault("schema_change.fields", "names fields, and the labels have none", "name the classes themselves")
            return
        for name, class_change in (change.fields if of_form else {"": change}).items():
            path = f"schema_change.fields.{name}" if name else "schema_change"
            if name not in self.before:
                self.fault(path, "is no field that is asked", f"name one of {_some(self.before)}")
                continue
            self._of_field(name, class_change, path)

    def _of_field(self, field: str, change: ClassChange, path: str) -> None:
        named: set[str] = set()
        for how in ("rename", "merge", "split", "retire"):
            for name in getattr(change, how):
                self._check_named(field, name, named, f"{path}.{how}" if how == "retire" else f"{path}.{how}.{name}")
                named.add(name)
        if self.faults:
            return
        for name, into in change.rename.items():
            self._rename(field, name, into, f"{path}.rename.{name}")
        for name, into in change.merge.items():
            self._close("merge", field, name, (into,), f"{path}.merge.{name}")
        for name, parts in change.split.items():
            if len(set(parts)) < 2:
                self.fault(f"{path}.split.{name}", "names fewer than two classes", "name two or more, or use rename")
            self._close("split", field, name, parts, f"{path}.split.{name}")
        for name in change.retire:
            self._close("retire", field, name, (), f"{path}.retire")

    def _check_named(self, field: str, name: str, named: set[str], path: str) -> None:
        if name not in self.before[field]:
            problem = f"{shown(name)} is no class that is offered now"
            self.fault(path, problem, f"name one of {_some(self.before[field])}")
        elif name in named:
            self.fault(path, f"{shown(name)} is named twice", "say one thing of each class")

    def _rename(self, field: str, name: str, into: str, path: str) -> None:
        if self._is_used(field, into) and self.known.name(self._before(field), into) != name:
            self.fault(path, f"is to be {shown(into)}, which names or named another class", "name it otherwise")
        elif into not in self.now.get(field, ()):
            self.fault(path, f"is to be {shown(into)}, which label_schema does not list", "list it there")
        else:
            self.spec = class_renamed(self.spec, field, name, into)
            self.before[field][self.before[field].index(name)] = into
            self.step("rename", field, name, into)

    def _close(self, what: What, field: str, name: str, into: tuple[str, ...], path: str) -> None:
        for key in into:
            if key not in self.now.get(field, ()) or key == name:
                cure = "list it there; a class that is split gives its name to none of its parts"
                self.fault(path, f"goes to {shown(key)}, which label_schema does not list as another class", cure)
                return
        if what == "merge" and self._asked_after(field, name) != self._asked_after(field, into[0]):
            problem = f"goes to {shown(into[0])}, and other fields are asked after one of the two alone"
            self.fault(path, problem, "retire those fields, or have them asked after both, in a change before this one")
            return
        self.before[field].remove(name)
        self.step(what, field, name, *into)

    def _asked_after(self, field: str, name: str) -> set[str]:
        """Return the fields that are asked after a class; after a new one those that the wanted schema says."""
        source = self.spec if name in names_in(plain_specs(self.spec)[field]) else self.wanted
        if source["kind"] != FORM:
            return set()
        whens = ((entry["name"], entry["when"]) for entry in source["fields"])
        return {asked for asked, when in whens if when and when["field"] == field and name in when[asks_by(when)]}

    def additions(self) -> None:
        """Add what the wanted schema has more; what it has less was to be said."""
        wanted = plain_specs(self.wanted)
        for field in [name for name in self.before if name not in wanted]:
            cure = "name it under retire_fields or rename_fields of schema_change, or list it again"
            self.fault("label_schema.fields", f"leaves {shown(field)} out, and labels answer it", cure)
        known = plain_specs(self.spec)
        for field, plain in wanted.items():
            if field in self.before:
                self._additions(field, plain)
            elif field in known or field in set(self._former_fields()):
                problem = f"has {shown(field)}, which named a field before"
                self.fault("label_schema.fields", problem, "name the new field otherwise")
            else:
                self._add_field(field)

    def _add_field(self, field: str) -> None:
        (entry,) = [row for row in self.wanted["fields"] if row["name"] == field]
        if entry["required"]:
            problem = f"has {shown(field)}, which is new and required, and labels that were given do not answer it"
            self.fault("label_schema.fields", problem, "send required false for it")
        self.spec = self.spec | {"fields": [*self.spec["fields"], entry]}
        self.step("add", field, "")

    def _additions(self, field: str, wanted: Spec) -> None:
        path = "label_schema" if not field else f"label_schema.fields.{field}"
        listed = f"{path}.{'nodes' if 'nodes' in wanted else 'classes'}"
        for name in self.before[field]:
            if name not in self.now[field]:
                problem = f"leaves {shown(name)} out, and labels have it"
                self.fault(listed, problem, "say in schema_change that it is renamed, merged, split or retired")
        new = [name for name in self.now[field] if name not in self.before[field]]
        for name in new:
            if self._is_used(field, name):
                problem = f"has {shown(name)}, which was retired, renamed, merged or split before"
                self.fault(listed, problem, "name the new class otherwise: labels that were given name the former one")
        if self.faults or not new:
            return
        self.spec = with_classes(self.spec, field, wanted, new)
        for name in new:
            self.step("add", field, name)
        if self.spec["kind"] == FORM:
            self.spec = asked_after_more(self.spec, field, new, self.wanted)

    def _before(self, field: str) -> str:
        """Return what a field was called before this change."""
        renamed = {step.into[0]: step.field for step in self.steps if step.what == "rename" and not step.name}
        return renamed.get(field, field)

    def _is_used(self, field: str, name: str) -> bool:
        """Return whether a name stands, or stood, for a class of a field."""
        former = {*self.known.former(self._before(field)), *(step.name for step in self.steps if step.field == field)}
        return name in former or name in names_in(plain_specs(self.spec)[field])

    def check(self) -> None:
        """Hold the result against what is wanted, and against the labels that there are."""
        steps = (*self.known.steps, *self.steps)
        if (size := len(msgspec.json.encode(steps))) > STEPS_BYTES_MAX:
            problem = f"makes {size} bytes of changes in all, and {STEPS_BYTES_MAX} are told"
            self.fault("schema_change", problem, "define a new project")
            return
        try:
            whole, offered = schema_from(self.spec), offered_spec(self.spec, steps, self.version)
            self._check_moved(plain_specs(offered))
            if not self.faults and in_no_order(offered) != in_no_order(self.wanted):
                cure = "leave all but classes and fields as it was, or define a new project"
                self.fault("label_schema", "differs in more than its classes and fields", cure)
                return
            for field, plain in plain_specs(spec_of(whole)).items():
                self._check_tree(field, plain, plain_specs(offered).get(field))
        except SchemaFault as fault:
            problem = f"is, with all that was offered before, no schema: {fault.problem}"
            self.fault(f"label_schema{fault.path.removeprefix('$')}", problem, f"{fault.cure}, or define a new project")

    def _check_moved(self, offered: Mapping[str, Spec]) -> None:
        """Refuse nodes that would stand elsewhere in the tree: how far labels are from one another is read by it."""
        for field, wanted in plain_specs(self.wanted).items():
            stood = {node["id"]: node["parent"] for node in offered.get(field, {}).get("nodes", ())}
            listed = f"label_schema.fields.{field}.nodes" if field else "label_schema.nodes"
            for node in wanted.get("nodes", ()):
                if node["parent"] != stood.get(node["id"], node["parent"]):
                    problem = f"moves {shown(node['id'])}, and labels that were given are read where it stood"
                    cure = "leave it there, list another id where it is to stand, and merge or retire the former one"
                    self.fault(listed, problem, cure)

    def _check_tree(self, field: str, whole: Spec, offered: Spec | None) -> None:
        """Refuse a tree in which what labels name is no label any more: a leaf that is given children, or loses all."""
        before = plain_specs(spec_of(self.known.schema)).get(self._before(field))
        if "nodes" not in whole or before is None:
            return
        labels, renamed = set(_labels(whole)), {step.name: step.into[0] for step in self.steps if step.what == "rename"}
        kept = {renamed.get(name, name) for name in _labels(before)}
        for name in sorted((kept | set(_labels(offered) if offered else ())) - labels):
            path = "label_schema.nodes" if not field else f"label_schema.fields.{field}.nodes"
            problem = f"makes a label of {shown(name)}, or no label of it any more"
            self.fault(path, problem, "put new nodes under inner ones, and retire a node with the last one under it")


def _labels(plain: Mapping[str, object]) -> tuple[str, ...]:
    schema = schema_from(dict(plain))  # type: ignore[arg-type]  # it was JSON before
    assert isinstance(schema, Taxonomy)
    return schema.classes


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(map(shown, listed[:NAMES_SHOWN])) + (", ..." if len(listed) > NAMES_SHOWN else "") or "none"
