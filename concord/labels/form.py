"""A form: several questions about one unit, each of a kind of its own, some asked only after an answer to another.

What treats labels field by field uses `fields_of` and `answers_of`: a plain kind is one field without a name, so that
one way serves both.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

from concord.labels.canonical_json import decoded, encoded, fits
from concord.labels.fields import Answers, Field, field_in
from concord.labels.reading import list_in, object_in, shown
from concord.labels.schema import (
    LABEL_BYTES_MAX,
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    LabelSchema,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import passes, share_of

if TYPE_CHECKING:
    from concord.labels.spans import Spans

FIELDS_MAX = 20
FORM_BEGINS = '{"answers":'
REASONS_MAX = 3


@dataclass(frozen=True, slots=True)
class Part:
    """What the answers to one field come to.

    Attributes:
        field: which.
        label: the canonical answer that leads; None where none does, and where the field is to be left out.
        support: of it, or of its being left out, from 0 to 1.
        reason: how it was found, or why there is none, as a clause for people.
        decided: whether there is an outcome: an answer, or that there is to be none.
    """

    field: Field
    label: Json
    support: float
    reason: str
    decided: bool


Decide: TypeAlias = Callable[[Field, Sequence[int]], Merged]
"""A field, and the places of the labels that answer it, to what the answers come to."""


@dataclass(frozen=True)
class Form:
    """One to FIELDS_MAX questions. A label is `{"answers": {"toxic": "yes", "severity": 3}}`, by the fields' names.

    A field that is asked has an answer unless it is not `required`; a field that is not asked has none.

    Spec: `{"kind": "form", "fields": [...]}`, each field with a `name`, the `schema` of its answers (of any kind but a
    form) and, where the defaults do not fit, a `title` for people, `required` (true) and `when` it is asked: after
    `{"field": "toxic", "is": ["yes"]}`, one of these answers to a field before it, where the node of a taxonomy stands
    for all under it; or `{"field": "tags", "has": ["insult"]}`, an answer of choices or regions with one of these
    classes. Where the earlier field is not answered, the other is not asked.

    >>> from concord.labels.kinds import schema_from
    >>> toxic = {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}}
    >>> rating = {"kind": "rating", "lowest": 1, "highest": 5}
    >>> severity = {"name": "severity", "schema": rating, "when": {"field": "toxic", "is": ["yes"]}}
    >>> schema = schema_from({"kind": "form", "fields": [toxic, severity]})
    >>> schema.canonical({"answers": {"severity": 3.0, "toxic": "yes"}})
    {'answers': {'toxic': 'yes', 'severity': 3}}
    """

    fields: tuple[Field, ...]

    kind: ClassVar[str] = "form"
    alpha_metric: ClassVar[AlphaMetric | None] = None

    def __post_init__(self) -> None:
        """Check every field; raise SchemaFault."""
        given: object = self.fields
        if isinstance(given, tuple):
            given = [each.spec() if isinstance(each, Field) else each for each in given]
        known: dict[str, Field] = {}
        for place, each in enumerate(list_in(given, "$.fields", SchemaFault, 1, FIELDS_MAX)):
            field = field_in(each, f"$.fields[{place}]", known)
            known[field.name] = field
        object.__setattr__(self, "fields", tuple(known.values()))

    def canonical(self, value: Json) -> Json:
        """Return the label with each answer in its canonical form, in the order of the fields.

        >>> from concord.labels.kinds import schema_from
        >>> toxic = {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}}
        >>> why = {"name": "why", "schema": {"kind": "text"}, "when": {"field": "toxic", "is": ["yes"]}}
        >>> schema = schema_from({"kind": "form", "fields": [toxic, why]})
        >>> schema.canonical({"answers": {"toxic": "yes"}})
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $.answers.why: this field is missing; answer it
        >>> schema.canonical({"answers": {"toxic": "no", "why": "an insult"}})
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $.answers.why: it is not asked after the answer to 'toxic'; leave it out
        """
        given = self._given(value)
        answers: dict[str, Json] = {}
        for field in self.fields:
            path = f"$.answers.{field.name}"
            if not field.asked(answers):
                if field.name in given:
                    raise LabelFault(path, _not_asked(field, answers), "leave it out")
            elif field.name in given:
                try:
                    answers[field.name] = field.schema.canonical(given[field.name])
                except LabelFault as fault:
                    raise fault.beneath(path) from fault
            elif field.required:
                raise LabelFault(path, "this field is missing", "answer it")
        return _label(answers)

    def _given(self, value: Json) -> Answers:
        """Return the answers in a label, not looked into; raise LabelFault where they are none, or of no field."""
        given = object_in(value, "$", LabelFault, ["answers"])["answers"]
        names = [field.name for field in self.fields]
        if not isinstance(given, dict):
            problem = f"{shown(given)} is not an object"
            raise LabelFault("$.answers", problem, f"send an object with answers to {', '.join(names)}")
        for name in given:
            if name not in names:
                raise LabelFault("$.answers", f"there is no field {shown(name)} here", f"use only {', '.join(names)}")
        return given

    def check(self, label: Json, text_characters: int) -> None:
        """Refuse a label with a span that ends past the unit's text, in whichever field.

        Args:
            label: canonical.
            text_characters: code points of the text.

        Raises:
            LabelFault: the first span that ends past it.

        >>> from concord.labels.kinds import schema_from
        >>> names = {"name": "names", "schema": {"kind": "spans", "classes": ["x"]}}
        >>> label = {"answers": {"names": {"spans": [{"start": 4, "end": 9, "class": "x"}]}}}
        >>> schema_from({"kind": "form", "fields": [names]}).check(label, 8)
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $.answers.names.spans[0].end: 9 is past the text; send at most 8, counted in \
code points
        """
        answers = answers_of(self, label)
        for field in self.fields:
            if field.schema.kind == "spans" and field.name in answers:
                try:
                    cast("Spans", field.schema).check(answers[field.name], text_characters)
                except LabelFault as fault:
                    raise fault.beneath(f"$.answers.{field.name}") from fault

    def distance(self, entry: Json, other: Json) -> float:
        """Return the mean distance of the answers over the fields that either was asked.

        A field that one of them answered is 1 apart, and one that was asked and neither answered 0.

        >>> from concord.labels.kinds import schema_from
        >>> toxic = {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}}
        >>> why = {"name": "why", "schema": {"kind": "text"}, "when": {"field": "toxic", "is": ["yes"]}}
        >>> schema = schema_from({"kind": "form", "fields": [toxic, why]})
        >>> schema.distance({"answers": {"toxic": "yes", "why": "an insult"}}, {"answers": {"toxic": "no"}})
        1.0
        >>> schema.distance({"answers": {"toxic": "yes", "why": "this"}}, {"answers": {"toxic": "yes", "why": "that"}})
        0.25
        """
        left, right = answers_of(self, entry), answers_of(self, other)
        asked = [field for field in self.fields if field.asked(left) or field.asked(right)]
        return math.fsum(apart(field, left, right) for field in asked) / len(asked)

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether both answer the same fields, and say the same to each.

        >>> from concord.labels.kinds import schema_from
        >>> rating = {"kind": "rating", "lowest": 1, "highest": 5, "tolerance": 1}
        >>> schema = schema_from({"kind": "form", "fields": [{"name": "severity", "schema": rating}]})
        >>> schema.says_same({"answers": {"severity": 3}}, {"answers": {"severity": 4}})
        True
        """
        left, right = answers_of(self, entry), answers_of(self, other)
        return all(same(field, left, right) for field in self.fields)

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the label that each field's answers come to in the way of its kind, field after field (`by_field`).

        Support is that of the least certain field; `parts` are the answered fields' supports. Where a field comes to
        nothing the unit is escalated, and the reason names it.

        >>> from concord.labels.kinds import schema_from
        >>> asked = {"kind": "choice", "classes": ["yes", "no"]}
        >>> fields = [{"name": name, "schema": asked} for name in ("rude", "spam")]
        >>> schema = schema_from({"kind": "form", "fields": fields})
        >>> labels = [Vote({"answers": {"rude": "yes", "spam": spam}}) for spam in ("yes", "no")]
        >>> schema.merge(labels).reason
        'spam: these classes tie: yes, no'
        """
        if not labels:
            return NOTHING_TO_MERGE
        answered = [answers_of(self, vote.label) for vote in labels]

        def decide(field: Field, places: Sequence[int]) -> Merged:
            return field.schema.merge([Vote(answered[place][field.name], labels[place].weight) for place in places])

        return whole(by_field(self, answered, [vote.weight for vote in labels], decide))

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> from concord.labels.kinds import schema_from
        >>> schema = schema_from({"kind": "form", "fields": [{"name": "note", "schema": {"kind": "text"}}]})
        >>> schema.spec()["fields"][0]["name"]
        'note'
        """
        return {"kind": self.kind, "fields": [field.spec() for field in self.fields]}


def fields_of(schema: LabelSchema) -> tuple[Field, ...]:
    """Return the fields of a schema; a plain kind is one field, whose name is empty.

    >>> from concord.labels.kinds import schema_from
    >>> [field.name for field in fields_of(schema_from({"kind": "text"}))]
    ['']
    """
    return schema.fields if isinstance(schema, Form) else (Field("", schema),)


def answers_of(schema: LabelSchema, label: Json) -> Answers:
    """Return a canonical label's answers by field; a plain kind's label is the answer to its one field.

    >>> from concord.labels.kinds import schema_from
    >>> answers_of(schema_from({"kind": "text"}), "some words")
    {'': 'some words'}
    """
    if isinstance(schema, Form):
        return cast("dict[str, dict[str, Json]]", label)["answers"]
    return {"": label}


def answers_in(text: str) -> dict[str, str] | None:
    """Return the answers in a form's label by field, each as canonical JSON; None where it is a plain kind's label.

    Args:
        text: the canonical JSON of a label: no other kind's is an object of `answers`.

    >>> answers_in('{"answers":{"severity":3,"toxic":"yes"}}'), answers_in('"yes"')
    ({'severity': '3', 'toxic': '"yes"'}, None)
    """
    if not text.startswith(FORM_BEGINS):
        return None
    answers = cast("dict[str, dict[str, Json]]", decoded(text.encode()))["answers"]
    return {name: encoded(answer).decode() for name, answer in answers.items()}


def apart(field: Field, entry: Answers, other: Answers) -> float:
    """Return how far two answers to a field are apart: 1 where one of them is none, 0 where both are.

    >>> from concord.labels.kinds import schema_from
    >>> apart(Field("note", schema_from({"kind": "text"})), {"note": "colo"}, {"note": "col"})
    0.25
    """
    if field.name in entry and field.name in other:
        return field.schema.distance(entry[field.name], other[field.name])
    return float((field.name in entry) != (field.name in other))


def same(field: Field, entry: Answers, other: Answers) -> bool:
    """Say whether two answers to a field say the same; two that are none do.

    >>> from concord.labels.kinds import schema_from
    >>> same(Field("note", schema_from({"kind": "text"})), {"note": "colo"}, {})
    False
    """
    if field.name in entry and field.name in other:
        return field.schema.says_same(entry[field.name], other[field.name])
    return (field.name in entry) == (field.name in other)


def by_field(form: Form, answered: Sequence[Answers], weights: Sequence[float], decide: Decide) -> tuple[Part, ...]:
    """Return what labels come to, field after field in the form's order.

    A field is looked at when what the fields before it came to asks it, by the labels whose own answers asked it. The
    fields that hang on one that came to nothing are left out: whether they are asked is not known. Where a field need
    not be answered, more than half the weight decides whether it is.

    Args:
        form: the schema.
        answered: the labels' answers, one label an annotator, at least one.
        weights: what each label counts for.
        decide: tells what the answers to a field come to.

    >>> from concord.labels.kinds import schema_from
    >>> note = {"name": "note", "schema": {"kind": "text"}, "required": False}
    >>> form = schema_from({"kind": "form", "fields": [note]})
    >>> (part,) = by_field(form, [{"note": "x"}, {}, {}], [1.0] * 3, lambda field, places: Merged("x", 1.0, "one"))
    >>> part.label, round(part.support, 2), part.reason
    (None, 0.67, 'most left it out')
    """
    outcome: dict[str, Json] = {}
    parts: list[Part] = []
    for field in form.fields:
        if not field.asked(outcome):
            continue
        part = _part(field, answered, weights, decide)
        parts.append(part)
        if part.label is not None:
            outcome[field.name] = part.label
    return tuple(parts)


def _part(field: Field, answered: Sequence[Answers], weights: Sequence[float], decide: Decide) -> Part:
    asked = [place for place, answers in enumerate(answered) if field.asked(answers)]
    given = [place for place in asked if field.name in answered[place]]
    if not asked:
        return Part(field, None, 0.0, "nobody was asked it", decided=False)
    share = share_of(math.fsum(weights[place] for place in given), math.fsum(weights[place] for place in asked))
    stands = passes(share, 0.5)
    if stands is None:
        return Part(field, None, share, "as many left it out as answered it", decided=False)
    if not stands:
        return Part(field, None, 1.0 - share, "most left it out", decided=True)
    found = decide(field, given)
    return Part(field, found.label, min(share, found.support), found.reason, decided=found.label is not None)


def whole(parts: Sequence[Part]) -> Merged:
    """Return the label that fields come to together; None where one of them comes to nothing.

    >>> from concord.labels.kinds import schema_from
    >>> note = Field("note", schema_from({"kind": "text"}))
    >>> whole([Part(note, "x", 0.75, "the text nearest to all", decided=True)])
    Merged(label={'answers': {'note': 'x'}}, support=0.75, reason='each field by its kind', parts=(0.75,))
    """
    support = min(part.support for part in parts)
    open_parts = [f"{part.field.name}: {part.reason}" for part in parts if not part.decided]
    if open_parts:
        more = len(open_parts) - REASONS_MAX
        return Merged(None, support, "; ".join(open_parts[:REASONS_MAX]) + (f"; and {more} more" if more > 0 else ""))
    answers = {part.field.name: part for part in parts if part.label is not None}
    label = _label({name: part.label for name, part in answers.items()})
    if not fits(label):
        return Merged(None, support, f"what was merged takes over {LABEL_BYTES_MAX} bytes")
    return Merged(label, support, "each field by its kind", tuple(part.support for part in answers.values()))


def _label(answers: Answers) -> dict[str, Json]:
    return {"answers": {**answers}}


def _not_asked(field: Field, answers: Answers) -> str:
    assert field.when is not None, "a field without a condition is always asked"
    earlier = shown(field.when.after)
    after = "the answer to" if field.when.after in answers else "no answer to"
    return f"it is not asked after {after} {earlier}"
