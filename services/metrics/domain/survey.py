"""What the units of a project add up to beside agreement: pairs of people, slices, windows of time, suggestions.

It is looked at every minute and not after every label, so it costs an event nothing: a survey begins with what closed
units added and walks the open ones, from their rows. It is a function of the rows, whatever was delivered twice.

All of labels rests on those that were asked of every unit before any was looked at, as agreement does. Gold is left
out: it is chosen.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from concord.labels.form import FORM_BEGINS, answers_in
from services.metrics.domain.bounded import HOUR_US, Sampled, Timeline
from services.metrics.domain.traits import UNKNOWN, Traits, shared
from services.metrics.domain.unit import (
    LABELLED,
    Annotation,
    LabelRow,
    Unit,
    asked_of_all,
    by_models,
    first_person,
    label_row,
    settled_now,
)
from services.metrics.domain.voices import Voice, Voices

LABEL_CHARACTERS_MAX = 100
"""Longer labels, and those that are no single value (spans, boxes), are none of a class: they are in no table."""
NO_VALUE_BEGINS = frozenset("{[")
PAIRS_MAX, PAIR_CELLS_MAX = 5_000, 20_000
PEOPLE_MAX, PEOPLE_CELLS_MAX = 20_000, 40_000
"""People by slice."""
SLICES_MAX, SLICE_CELLS_MAX = 200, 10_000
WINDOWS_MAX, WINDOW_CELLS_MAX = 128, 10_000
SUGGESTED_MAX, SUGGESTED_CELLS_MAX = 1_000, 4_000
MODELS_MAX, MODEL_CELLS_MAX = 100, 10_000
PLACED_MAX, PLACED_CELLS_MAX = 20_000, 100_000
"""People by how often they chose what stood first."""
GUIDELINES_MAX, GUIDELINE_CELLS_MAX = 200, 10_000
"""Versions of a guideline; beyond that a random part of them is told."""
NOBODY = ""
"""Stands where an annotator would, for the label that a unit was settled with."""
BETWEEN = "\t"
"""Between two names in a key: no id or stratum that was taken in has one."""
CONTENT_LENGTH, MEDIA_TYPE, STRATUM, SUGGESTED, UNCERTAINTY = (
    "content_length",
    "media_type",
    "stratum",
    "suggested_label",
    "uncertainty",
)

Both = tuple[str, str]
Followed = tuple[bool, int, int]
"""Whether the suggestion was shown, how many labels there are, and how many of them say exactly what was suggested."""
Placed = tuple[int, bool | None, bool]
"""Of how many it chose, whether that stood first (None: a tie), and whether a model did."""
Trait = tuple[str, str]
"""What of a unit, and what it is."""


class Counted(Protocol):
    """Labels of units, counted: as `Voices` tells them."""

    def people(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield each annotator, slice and label, and how often they gave it there."""
        ...

    def pairs(self) -> Iterator[tuple[Voice, Voice, int]]:
        """Yield each two voices on one unit, by name, and how often they met."""
        ...

    def units(self) -> Iterator[tuple[LabelRow, str, int, int, int]]:
        """Yield labels of a unit, its slice, its hour since the epoch, its guideline, and how many units have these."""
        ...


class Aspect(msgspec.Struct, array_like=True):
    """The labels of a project, or the answers to one field of them.

    Attributes:
        pairs: by two people, how often they gave which two labels to one unit.
        people: by annotator and slice, how often each label.
        slices: by slice, how many units got which labels.
        windows: when a unit got its first label, and which it got.
        suggested: by suggested label, how far it was followed.
        beside: by model, how often it said one thing and the first person on the unit another or the same.
        resolved: by model, how often it said one thing of a unit that was settled with another or the same, and had no
            part in that.
        placed: by annotator, how often what they chose had stood first.
        guidelines: by version of the guideline, how many units got which labels, all of them under it.
    """

    pairs: Sampled[Both] = msgspec.field(default_factory=lambda: Sampled(PAIRS_MAX, PAIR_CELLS_MAX))
    people: Sampled[str] = msgspec.field(default_factory=lambda: Sampled(PEOPLE_MAX, PEOPLE_CELLS_MAX))
    slices: Sampled[LabelRow] = msgspec.field(default_factory=lambda: Sampled(SLICES_MAX, SLICE_CELLS_MAX))
    windows: Timeline[LabelRow] = msgspec.field(default_factory=lambda: Timeline(WINDOWS_MAX, WINDOW_CELLS_MAX))
    suggested: Sampled[Followed] = msgspec.field(default_factory=lambda: Sampled(SUGGESTED_MAX, SUGGESTED_CELLS_MAX))
    beside: Sampled[Both] = msgspec.field(default_factory=lambda: Sampled(MODELS_MAX, MODEL_CELLS_MAX))
    resolved: Sampled[Both] = msgspec.field(default_factory=lambda: Sampled(MODELS_MAX, MODEL_CELLS_MAX))
    placed: Sampled[Placed] = msgspec.field(default_factory=lambda: Sampled(PLACED_MAX, PLACED_CELLS_MAX))
    guidelines: Sampled[LabelRow] = msgspec.field(default_factory=lambda: Sampled(GUIDELINES_MAX, GUIDELINE_CELLS_MAX))

    def add(self, voices: Counted) -> None:
        """Count the labels of units."""
        for annotator, slice_name, label, times in voices.people():
            self.people.add(f"{annotator}{BETWEEN}{slice_name}", label, times)
        for (annotator, label), (other, another), times in voices.pairs():
            self.pairs.add(f"{annotator}{BETWEEN}{other}", (label, another), times)
        for row, slice_name, hour, guideline, times in voices.units():
            self.slices.add(slice_name, row, times)
            self.windows.add(hour * HOUR_US, row, times)
            if guideline:
                self.guidelines.add(str(guideline), row, times)

    def reading(self, text: "Text") -> "Iterator[Aspect]":
        """Yield the labels as they read now, a table a step: the last one yielded has all."""

        def both(cell: Both) -> Both:
            return text(cell[0]), text(cell[1])

        def row(cell: LabelRow) -> LabelRow:
            return label_row(text(label) for label, times in cell for _ in range(times))

        found = Aspect(self.pairs.read(both), suggested=self.suggested.read(_as_it_is, text))
        yield found
        found.people = self.people.read(text)
        yield found
        found.slices, found.windows = self.slices.read(row), self.windows.read(row)
        found.beside, found.resolved = self.beside.read(both), self.resolved.read(both)
        found.placed, found.guidelines = self.placed.read(_as_placed), self.guidelines.read(row)
        yield found

    def follow(self, suggested: str, labels: Iterable[str], *, hidden: bool, units: int = 1) -> None:
        """Count how far a suggestion was followed, by so many units with these labels."""
        followed = [label == suggested for label in labels]
        key = suggested if is_value(suggested) else ""
        self.suggested.add(key, (not hidden, len(followed), sum(followed)), units)


class Survey(msgspec.Struct, array_like=True):
    """What units add up to.

    Attributes:
        aspects: by field, where labels have several; else the one of the empty name.
        incoming: when units came in, and what they are known by.
        units: that are in any of it.
    """

    aspects: dict[str, Aspect] = msgspec.field(default_factory=dict)
    incoming: Timeline[Trait] = msgspec.field(default_factory=lambda: Timeline(WINDOWS_MAX, WINDOW_CELLS_MAX))
    units: int = 0

    def add(self, units: Iterable[Unit], read: "Text" = str) -> None:
        r"""Count units, the more of them at once the cheaper each; gold and erased ones are none.

        Args:
            units: the units.
            read: returns a label, as canonical JSON, as it reads now: what is compared within a unit is compared so.

        >>> said = {str(n): Annotation(name, '"yes"', at_us=n) for n, name in enumerate(("ann", "bob"), start=1)}
        >>> found = Survey()
        >>> found.add([Unit("k1-p", annotations=said, asked=2)])
        >>> found.aspects[""].pairs.tables
        {'ann\tbob': {('"yes"', '"yes"'): 1}}
        """
        gathered: defaultdict[str, Voices] = defaultdict(Voices)
        for unit in units:
            if unit.gold or unit.erased:
                continue
            self.units += 1
            if unit.traits is not None and unit.traits is not NO_TRAITS and unit.admitted_at_us:
                self.came_in(unit.traits, unit.admitted_at_us)
            for annotation in unit.annotations.values():
                if annotation.model or annotation.shown_first:  # which few are
                    self._add_models(unit, read)
                    self._add_placed(unit)
                    break
            self._gather(unit, read, gathered)
        for name, voices in gathered.items():
            self.aspect(name).add(voices)

    def came_in(self, traits: Traits, at_us: int, units: int = 1) -> None:
        """Count units that came in, by what they are known by."""
        for trait in _known_by(traits):
            self.incoming.add(at_us, trait, units)

    def _gather(self, unit: Unit, read: "Text", gathered: Mapping[str, Voices]) -> None:
        """Gather a unit's labels by field, and count how far its suggestion was followed."""
        asked = as_read(asked_of_all(unit), read)
        if not asked:
            return
        traits, at_us = unit.traits or NO_TRAITS, min([annotation.at_us for annotation in asked])
        guidelines = {annotation.guideline_version for annotation in asked}
        guideline = guidelines.pop() if len(guidelines) == 1 else 0
        for name, voices in by_field(asked):
            known = [voice for voice in voices if is_value(voice[1])]
            if known:
                gathered[name].add(known, at_us, traits.stratum, guideline)
        if traits.suggested:
            self._follow(read(traits.suggested), asked, hidden=traits.hidden)

    def _add_models(self, unit: Unit, read: "Text") -> None:
        """Count what models said beside the first person's label, and beside the one that the unit was settled with."""
        models = by_models(unit)
        if not models:
            return
        person = first_person(unit)
        resolved = settled_now(unit) in LABELLED and unit.resolved
        others = [person] if person is not None else []
        others += [Annotation(NOBODY, unit.resolved)] if resolved else []
        for name, voices in by_field(as_read([*models, *others], read)):
            labels = {who: label for who, label in voices if is_value(label)}
            for model in models:
                label, aspect = labels.get(model.annotator_id), self.aspect(name)
                if label is None:
                    continue
                if person is not None and person.annotator_id in labels:
                    aspect.beside.add(model.annotator_id, (label, labels[person.annotator_id]))
                if model.late and NOBODY in labels:
                    aspect.resolved.add(model.annotator_id, (label, labels[NOBODY]))

    def _add_placed(self, unit: Unit) -> None:
        """Count what was chosen by where it had stood: of each label, for each has an order of its own by chance."""
        for annotation in unit.annotations.values():
            if not annotation.shown_first:
                continue
            answers = answers_in(annotation.label)
            for name, first in annotation.shown_first:
                answer = annotation.label if answers is None else answers.get(name, "")
                if (placed := placed_of(answer, first, by_model=annotation.model)) is not None:
                    self.aspect(name).placed.add(annotation.annotator_id, placed)

    def aspect(self, name: str) -> Aspect:
        """Return a field's labels, none at first."""
        found = self.aspects.get(name)
        if found is None:
            found = self.aspects[name] = Aspect()
        return found

    def merge(self, other: "Survey") -> None:
        """Add what another counted."""
        for _ in self.merging(other):
            pass

    def merging(self, other: "Survey") -> Iterator[None]:
        """Add what another counted, a table a step: each takes some milliseconds where it is full."""
        self.units += other.units
        self.incoming.merge(other.incoming)
        yield
        for name, theirs in other.aspects.items():
            mine = self.aspect(name)
            mine.pairs.merge(theirs.pairs)
            yield
            mine.people.merge(theirs.people)
            yield
            mine.slices.merge(theirs.slices)
            mine.windows.merge(theirs.windows)
            mine.suggested.merge(theirs.suggested)
            mine.beside.merge(theirs.beside)
            mine.resolved.merge(theirs.resolved)
            yield
            mine.placed.merge(theirs.placed)
            mine.guidelines.merge(theirs.guidelines)
            yield

    def reading(self, names: "Reading") -> "Iterator[Survey]":
        """Yield what was counted with each label as it reads now, a table a step: the last one yielded has all.

        What is counted with a unit that is closed is counted in the names of that time. All that tells of a survey
        tells of one that was read.
        """

        def trait(given: Trait) -> Trait:
            return (SUGGESTED, names.text("")(given[1])) if given[0] == SUGGESTED else given

        found = Survey(incoming=self.incoming.read(trait), units=self.units)
        yield found
        for name, aspect in self.aspects.items():
            now, latest = names.field_name(name), Aspect()
            for read in aspect.reading(names.text(now)):
                latest = read
                yield found
            # A field that was renamed was counted under either name.
            for _ in found.merging(Survey(aspects={now: latest})):
                yield found

    def _follow(self, label: str, asked: Sequence[Annotation], *, hidden: bool) -> None:
        suggested = answers_in(label)
        if suggested is None:
            self.aspect("").follow(label, [annotation.label for annotation in asked], hidden=hidden)
            return
        for name, voices in by_field(asked):
            if name in suggested:
                self.aspect(name).follow(suggested[name], [text for _, text in voices], hidden=hidden)


Text = Callable[[str], str]
"""Returns a label, or an answer to a field, as canonical JSON, as it reads now."""


class Reading(NamedTuple):
    """How what was said under earlier versions of a label schema reads now.

    Attributes:
        field_name: returns what a field is called now.
        text: by a field's name now, how answers to it read; by the empty one, how labels of a plain kind do.
    """

    field_name: Callable[[str], str]
    text: Callable[[str], Text]


def as_read(asked: Sequence[Annotation], read: Text) -> Sequence[Annotation]:
    """Return annotations with their labels as they read now."""
    return (
        asked
        if read is str
        else [msgspec.structs.replace(annotation, label=read(annotation.label)) for annotation in asked]
    )


def _as_it_is(followed: Followed) -> Followed:
    return followed


def _as_placed(placed: Placed) -> Placed:
    return placed


SIDES = 2


def placed_of(answer: str, first: str, *, by_model: bool) -> Placed | None:
    """Return where what an answer chooses had stood; None of what chooses nothing, or is not answered.

    Args:
        answer: of a preference or a ranking, as canonical JSON; both it and `first` in the names of its version.
        first: what had stood first.
        by_model: whether a model gave it.

    >>> placed_of('{"prefer":"b","strength":1}', "b", by_model=False), placed_of('["y","x","z"]', "x", by_model=False)
    ((2, True, False), (3, False, False))
    >>> placed_of('{"prefer":"tie","strength":0}', "b", by_model=True), placed_of("", "b", by_model=True)
    ((2, None, True), None)
    """
    label = msgspec.json.decode(answer) if answer else None
    if isinstance(label, dict) and (side := label.get("prefer")) is not None:
        return SIDES, None if side == "tie" else side == first, by_model
    if isinstance(label, list) and len(label) >= SIDES:
        return len(label), label[0] == first, by_model
    return None


NO_TRAITS = shared(Traits())


def is_value(label: str) -> bool:
    """Return whether a label, as canonical JSON, is a single value, and a short one.

    >>> is_value('"yes"'), is_value('3'), is_value('{"spans":[]}')
    (True, True, False)
    """
    return len(label) <= LABEL_CHARACTERS_MAX and label[:1] not in NO_VALUE_BEGINS


def by_field(asked: Sequence[Annotation]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield who said what, by field where labels have several."""
    if not asked[0].label.startswith(FORM_BEGINS):
        yield "", [(annotation.annotator_id, annotation.label) for annotation in asked]
        return
    found: dict[str, list[tuple[str, str]]] = {}
    for annotation in asked:
        for name, answer in (answers_in(annotation.label) or {}).items():
            found.setdefault(name, []).append((annotation.annotator_id, answer))
    yield from found.items()


def _known_by(traits: Traits) -> Iterator[Trait]:
    if traits.length != UNKNOWN:
        yield CONTENT_LENGTH, str(traits.length)
    if traits.media_type:
        yield MEDIA_TYPE, traits.media_type
    if traits.stratum:
        yield STRATUM, traits.stratum
    if traits.uncertainty != UNKNOWN:
        yield UNCERTAINTY, str(traits.uncertainty)
    if traits.suggested and is_value(traits.suggested):
        yield SUGGESTED, traits.suggested
