"""A crowd's labels as the demo replays them, held against what the services take before anything is started.

The files are those of `concord.quality.label_file`, which reads them; `gold.csv` has a line for every labelled item.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from concord.chassis.identity.caller import Caller, Role
from concord.labels import SchemaFault, schema_from
from concord.quality.label_file import (
    LabelFileError,
    LabelRow,
    read_gold,
    read_items,
    read_labels,
    unmatched_gold,
)
from services.ingest.domain.admission import UnitRefused, UnitWish, canonical_content, checked

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person answered about one item, and how long it took, if that is known."""

    annotator: str
    label: str
    seconds: float | None


@dataclass(frozen=True)
class Dataset:
    """A crowd's labels.

    Attributes:
        items: item id -> what people are shown.
        answers: item id -> answers, one a person, in the order in which they were given.
        gold: item id -> the right label.
        classes: every label that occurs, sorted.
        remarks: sentences on what the reader of the files noticed.
    """

    name: str
    items: Mapping[str, Mapping[str, str]]
    answers: Mapping[str, list[Answer]]
    gold: Mapping[str, str]
    classes: list[str]
    remarks: tuple[str, ...] = ()

    @property
    def annotators(self) -> list[str]:
        """Return everybody who answered, sorted."""
        return sorted({answer.annotator for answers in self.answers.values() for answer in answers})


def read(folder: Path) -> Dataset:
    """Return the data set in a folder. Of several answers of one person to one item the last counts, as a revision.

    Raises:
        LabelFileError: a file is missing, a line of it cannot be used, or a service would refuse what it says.
    """
    gold_path, labels_path, items_path = (folder / name for name in ("gold.csv", "labels.csv", "items.csv"))
    gold = _opened(read_gold, gold_path)
    table = _opened(read_labels, labels_path)
    texts: Mapping[str, Mapping[str, str]] = _opened(read_items, items_path) if items_path.exists() else {}
    kept = table.latest()
    for row in kept:
        if row.item not in gold:
            reason = f"gold.csv has no line for item {row.item!r}; add one, or leave the item out"
            raise LabelFileError(labels_path, row.line, reason)
    answers: dict[str, list[Answer]] = defaultdict(list)
    for row in kept:
        answers[row.item].append(Answer(row.annotator, row.label, row.seconds))
    items = {item: texts.get(item, {"item": item}) for item in answers}
    _check_classes(labels_path, kept, gold)
    _check_people(labels_path, kept)
    _check_units(labels_path, kept, items)
    remarks = (*table.remarks, *unmatched_gold(gold_path, gold, set(answers)))
    if repeated := len(table.rows) - len(kept):
        remarks += (f"{repeated} labels repeat a person's answer to an item; of these the last counts.",)
    classes = sorted({row.label for row in kept} | {gold[item] for item in items})
    right = {item: gold[item] for item in items}
    return Dataset(folder.resolve().name, items, dict(answers), right, classes, remarks)


def _opened(reader: Callable[[Path], Content], path: Path) -> Content:
    """Return what a reader makes of a file, an unreadable one told as every other fault is."""
    try:
        return reader(path)
    except OSError as fault:
        raise LabelFileError(path, 1, f"cannot be read: {fault.strerror}") from fault


def _check_classes(path: Path, rows: Sequence[LabelRow], gold: Mapping[str, str]) -> None:
    """Refuse labels that are no classes of a project, each by the line in which it stands first."""
    classes = sorted({row.label for row in rows} | {gold[row.item] for row in rows})
    if len(classes) < 2:
        raise LabelFileError(path, 2, f"there is only one label, {classes[0]!r}; two or more are needed")
    try:
        schema_from({"kind": "choice", "classes": [*classes]})
    except SchemaFault as fault:
        at = fault.path.partition("[")[2].rstrip("]")
        wrong = classes[int(at)] if at.isdecimal() else None
        line = next((row.line for row in rows if row.label == wrong), 2)
        raise LabelFileError(path, line, f"label: {fault.problem}; {fault.cure}") from fault


def _check_people(path: Path, rows: Sequence[LabelRow]) -> None:
    """Refuse names that nobody can sign in under."""
    for row in rows:
        try:
            Caller(row.annotator, frozenset({Role.ANNOTATOR}))
        except ValueError as fault:
            raise LabelFileError(path, row.line, f"annotator {row.annotator[:60]!r} cannot sign in: {fault}") from fault


def _check_units(path: Path, rows: Sequence[LabelRow], items: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse items that ingest would not admit as units, by its own check."""
    first = {row.item: row.line for row in reversed(rows)}
    people: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        people[row.item].append(row.annotator)
    for item, line in first.items():
        try:
            wish = UnitWish(id=item, content=dict(items[item]), annotators=tuple(people[item]))
            checked(wish)
            canonical_content(wish.content)
        except UnitRefused as refusal:
            raise LabelFileError(path, line, f"item {item[:60]!r}: {_sentence(refusal)}") from refusal


def _sentence(refusal: UnitRefused) -> str:
    return f"{refusal.field} {refusal.problem}; {refusal.cure}"
