"""A crowd's labels as CSV: `labels.csv`, `gold.csv` and, where there is one, `items.csv`.

| file | columns |
|---|---|
| labels.csv | annotator, item, label; seconds and timestamp (RFC 3339) where known |
| gold.csv | item, label: one line for every item that was labelled |
| items.csv | item, then any columns of text, which are what people are shown; without it they are shown the item's id |
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SECONDS_MAX = 86_400.0


class BadFile(Exception):
    """A file cannot be used: which, in which line, and why."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")


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
    """

    name: str
    items: Mapping[str, Mapping[str, str]]
    answers: Mapping[str, list[Answer]]
    gold: Mapping[str, str]
    classes: list[str]

    @property
    def annotators(self) -> list[str]:
        """Return everybody who answered, sorted."""
        return sorted({answer.annotator for answers in self.answers.values() for answer in answers})


def read(folder: Path) -> Dataset:
    """Return the data set in a folder. Of several answers of one person to one item the first counts.

    Raises:
        BadFile: a file is missing, or a line of it cannot be used.
    """
    gold = {row["item"]: row["label"] for _, row in _rows(folder / "gold.csv", ("item", "label"))}
    answers = _answers(folder / "labels.csv", gold)
    texts: dict[str, Mapping[str, str]] = {}
    if (folder / "items.csv").exists():
        for _, row in _rows(folder / "items.csv", ("item",)):
            texts[row["item"]] = row
    items = {item: texts.get(item, {"item": item}) for item in answers}
    labels = {answer.label for given in answers.values() for answer in given}
    classes = sorted(labels | {gold[item] for item in items})
    if len(classes) < 2:
        raise BadFile(folder / "labels.csv", 1, f"there is only one label, {classes}; two or more are needed")
    return Dataset(folder.resolve().name, items, answers, {item: gold[item] for item in items}, classes)


def _answers(path: Path, gold: Mapping[str, str]) -> dict[str, list[Answer]]:
    timed: dict[str, list[tuple[str, int, Answer]]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for line, row in _rows(path, ("annotator", "item", "label")):
        if row["item"] not in gold:
            raise BadFile(path, line, f"gold.csv has no line for item {row['item']!r}; add one, or leave the item out")
        if (row["annotator"], row["item"]) in seen:
            continue
        seen.add((row["annotator"], row["item"]))
        answer = Answer(row["annotator"], row["label"], _seconds(path, line, row.get("seconds", "")))
        # Without times, the order of the file is the order in which they answered.
        timed[row["item"]].append((_timestamp(path, line, row.get("timestamp", "")), line, answer))
    if not timed:
        raise BadFile(path, 1, "there are no labels in it")
    return {item: [answer for *_, answer in sorted(given, key=lambda one: one[:2])] for item, given in timed.items()}


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line's number and fields.

    Raises:
        BadFile: no such file, a column is missing, or a line has too few or empty fields.
    """
    try:
        source = path.open(newline="", encoding="utf-8-sig")
    except OSError as fault:
        raise BadFile(path, 1, f"cannot be read: {fault.strerror}") from fault
    with source:
        reader = csv.DictReader(source)
        try:
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise BadFile(path, 1, f"has no column {', '.join(missing)}; its first line must name the columns")
            for row in reader:
                for name in needed:
                    if not (row[name] or "").strip():
                        raise BadFile(path, reader.line_num, f"{name} is empty")
                if None in row or None in row.values():
                    raise BadFile(path, reader.line_num, "has more or fewer fields than the first line names")
                yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as fault:
            raise BadFile(path, reader.line_num + 1, f"is no CSV in UTF-8: {fault}") from fault


def _seconds(path: Path, line: int, text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= SECONDS_MAX:
        raise BadFile(path, line, f"seconds is {text!r}; it must be a number from 0 to {SECONDS_MAX:g}")
    return seconds


def _timestamp(path: Path, line: int, text: str) -> str:
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError as fault:
        raise BadFile(path, line, f"timestamp is {text!r}; it must be RFC 3339, as 2018-08-15T09:37:12Z") from fault
