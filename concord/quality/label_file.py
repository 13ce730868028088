"""The one reader of a crowd's labels, gold and items as CSV; what cannot be right is refused with line and cure.

| file | columns |
|---|---|
| labels.csv | annotator, item, label; seconds and timestamp where known |
| gold.csv | item, label: one line an item |
| items.csv | item, then any columns of text: what people are shown |

Columns are separated by commas, semicolons, tabs or bars, whichever the first line uses; `worker` and `task` are taken
for annotator and item. Names and labels come back in Unicode normal form C and without blanks around them, so that
what a person sees as equal is equal; what else looks alike and is not is told as a remark.
"""

import csv
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import NamedTuple

LABEL_COLUMNS = ("annotator", "item", "label")
LABEL_COLUMNS_OPTIONAL = ("seconds", "timestamp")
GOLD_COLUMNS = ("item", "label")
ITEM_COLUMNS = ("item",)
OTHER_NAMES = {"worker": "annotator", "task": "item"}
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

FIELD_CHARACTERS_MAX = 1_000_000
SECONDS_MAX = 86_400.0
REMARKS_MAX = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LabelFileError(ValueError):
    """A file is not what it should be; says which line and why."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.line = line
        self.reason = reason


class LabelRow(NamedTuple):
    """One label as it stands in the file.

    Attributes:
        annotator, item, label: who said what about which unit.
        seconds: how long it took, 0 to SECONDS_MAX; None where it is not told.
        at_us: when it was given, microseconds since the epoch, UTC; None where it is not told.
        line: where it stands in the file, from 1.
    """

    annotator: str
    item: str
    label: str
    seconds: float | None = None
    at_us: int | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The labels of a file.

    Attributes:
        rows: in the order in which they were given: by time where every label has one, else as they stand.
        remarks: sentences on what a reader should know: columns that are not used, classes that look alike.
    """

    rows: list[LabelRow]
    remarks: tuple[str, ...] = ()

    @property
    def triples(self) -> list[tuple[str, str, str]]:
        """Return (annotator, item, label) of every row, which is what inference starts from."""
        return [(row.annotator, row.item, row.label) for row in self.rows]

    def latest(self) -> list[LabelRow]:
        """Return the rows without all but the last of each annotator on each item: one voice each, revised last."""
        last = {(row.annotator, row.item): row for row in self.rows}
        return [row for row in self.rows if last[row.annotator, row.item] is row]


def read_labels(path: Path, *, numeric: bool = False) -> LabelTable:
    """Return the labels of a CSV file with the columns annotator, item, label[, seconds][, timestamp].

    With `numeric`, every label must be a finite number.

    Raises:
        LabelFileError: a column is missing or stands twice, a row is too short, too long or has an empty field,
            a label, a duration or a time cannot be read, the text is not UTF-8 or not CSV, or there is no row at all.
        OSError: the file cannot be opened.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.csv")
    ...     _ = path.write_text("annotator,item,label" + chr(10) + "ann,u1,yes")
    ...     read_labels(path).triples
    [('ann', 'u1', 'yes')]
    """
    rows = []
    table = _Table(path, LABEL_COLUMNS, LABEL_COLUMNS_OPTIONAL)
    for line, row in table.rows():
        if numeric:
            _check_number(path, line, row["label"])
        seconds, at_us = _seconds(path, line, row.get("seconds", "")), _time(path, line, row.get("timestamp", ""))
        rows.append(LabelRow(row["annotator"], row["item"], row["label"], seconds, at_us, line))
    if not rows:
        raise LabelFileError(path, 1, "the header is followed by no label")
    timed = sum(row.at_us is not None for row in rows)
    remarks = table.remarks
    if timed == len(rows):
        rows.sort(key=lambda row: row.at_us or 0)
    elif timed:
        remarks.append(f"{len(rows) - timed} of {len(rows)} labels have no timestamp, so the order of the file counts.")
    return LabelTable(rows, (*remarks, *_alike({row.label for row in rows})))


def read_gold(path: Path, *, numeric: bool = False) -> dict[str, str]:
    """Return the gold label of each item from a CSV file with the columns item, label.

    With `numeric`, every label must be a finite number.

    Raises:
        LabelFileError: as `read_labels`; also when two rows give one item different labels.
        OSError: the file cannot be opened.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "gold.csv")
    ...     _ = path.write_text("item,label" + chr(10) + "u1,yes")
    ...     read_gold(path)
    {'u1': 'yes'}
    """
    gold: dict[str, str] = {}
    for line, row in _Table(path, GOLD_COLUMNS).rows():
        if numeric:
            _check_number(path, line, row["label"])
        if gold.setdefault(row["item"], row["label"]) != row["label"]:
            reason = f"item {row['item']} is {row['label']} here and {gold[row['item']]} further up"
            raise LabelFileError(path, line, reason)
    if not gold:
        raise LabelFileError(path, 1, "the header is followed by no gold label")
    return gold


def read_items(path: Path) -> dict[str, dict[str, str]]:
    """Return what people are shown of each item: its columns as they stand, by item.

    Raises:
        LabelFileError: as `read_labels`; also when an item stands twice.
        OSError: the file cannot be opened.
    """
    items: dict[str, dict[str, str]] = {}
    for line, row in _Table(path, ITEM_COLUMNS, any_columns=True).rows():
        if row["item"] in items:
            raise LabelFileError(path, line, f"item {row['item']} stands further up already")
        items[row["item"]] = row
    return items


def unmatched_gold(path: Path, gold: Mapping[str, str], items: Sequence[str] | set[str]) -> tuple[str, ...]:
    """Return a remark on gold of items that nobody labelled.

    Raises:
        LabelFileError: none of the gold is of an item that was labelled.
    """
    strangers = [item for item in gold if item not in items]
    if len(strangers) == len(gold):
        raise LabelFileError(
            path,
            2,
            f"none of its {len(gold)} items was labelled, as {strangers[0]!r}; write the items as the labels do",
        )
    if not strangers:
        return ()
    return (f"{len(strangers)} of {len(gold)} gold labels are of items that nobody labelled, as {strangers[0]!r}.",)


class _Table:
    """A CSV file with a header, held to the columns that are expected.

    Attributes:
        remarks: sentences on columns that are not used or were taken for others; known once the rows are read.
    """

    def __init__(
        self, path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = (), *, any_columns: bool = False
    ) -> None:
        self.path = path
        self.needed = needed
        self.optional = optional
        self.any_columns = any_columns
        self.remarks: list[str] = []

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line a row begins in, and its fields by column."""
        csv.field_size_limit(FIELD_CHARACTERS_MAX)
        line = 1
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            try:
                separator = self._separator(file.readline())
                file.seek(0)
                reader = csv.reader(file, delimiter=separator, strict=True)
                header = self._header(next(reader, []), separator)
                line = reader.line_num + 1
                for fields in reader:
                    if fields:  # a blank line says nothing
                        yield line, self._row(line, header, fields)
                    line = reader.line_num + 1
            except csv.Error as error:
                raise LabelFileError(self.path, line, _csv_reason(error)) from error
            except UnicodeDecodeError as error:
                line, reason = _undecodable(self.path)
                raise LabelFileError(self.path, line, reason) from error

    def _separator(self, first_line: str) -> str:
        """Return the separator under which the first line names most of the columns that are needed."""

        def named(separator: str) -> int:
            names = {_canonical(name) for name in next(csv.reader([first_line], delimiter=separator), [])}
            return len({OTHER_NAMES.get(name, name) for name in names} & set(self.needed))

        return max(SEPARATORS, key=named)

    def _header(self, given: list[str], separator: str) -> list[str]:
        """Return the columns' names; refuse a header that lacks a needed one or holds one twice."""
        names = [_canonical(name) for name in given]
        for other, name in OTHER_NAMES.items():
            if name in self.needed and name not in names and other in names:
                names[names.index(other)] = name
                self.remarks.append(f"Column {other} is taken for {name}.")
        expected = ",".join(self.needed) + "".join(f"[,{column}]" for column in self.optional)
        if missing := [column for column in self.needed if column not in names]:
            found = f"the first line, split at each {SEPARATORS[separator]}, names {', '.join(names)}"
            raise LabelFileError(
                self.path,
                1,
                f"column {' and '.join(missing)} is missing: {found if names else 'the file is empty'}; "
                f"expected {expected}, separated by comma, semicolon, tab or bar",
            )
        if len(set(names)) != len(names):
            raise LabelFileError(self.path, 1, f"a column stands twice in {','.join(names)}; leave one of them out")
        if not self.any_columns:
            unused = [name for name in names if name not in self.needed + self.optional]
            if unused:
                self.remarks.append(f"Not used: column {' and '.join(unused)}.")
        return names

    def _row(self, line: int, header: list[str], fields: list[str]) -> dict[str, str]:
        if len(fields) != len(header):
            reason = f"{len(fields)} fields where the header has {len(header)}; quote fields that hold the separator"
            raise LabelFileError(self.path, line, reason)
        row = dict(zip(header, fields, strict=True))
        row |= {
            column: _canonical(row[column])
            for column in (*LABEL_COLUMNS, *LABEL_COLUMNS_OPTIONAL)
            if column in row and column in self.needed + self.optional
        }
        if empty := [column for column in self.needed if not row[column]]:
            raise LabelFileError(self.path, line, f"{' and '.join(empty)} must not be empty")
        return row


def _canonical(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _csv_reason(error: csv.Error) -> str:
    if "field larger than field limit" in str(error):
        return f"a field has more than {FIELD_CHARACTERS_MAX} characters"
    return f"not CSV, or a quotation mark is not closed: {error}"


def _undecodable(path: Path) -> tuple[int, str]:
    """Return the first line that is not UTF-8, and where in it."""
    with path.open("rb") as file:
        for line, content in enumerate(file, 1):
            try:
                content.decode()
            except UnicodeDecodeError as error:
                return line, f"byte {error.start + 1} of the line is not UTF-8 text; save the file as UTF-8"
    return 1, "not UTF-8 text; save the file as UTF-8"


def _alike(labels: set[str]) -> list[str]:
    """Return a remark on every group of labels that a person may take for one."""
    groups: dict[tuple[str, object], set[str]] = defaultdict(set)
    for label in labels:
        groups["but for upper and lower case", label.casefold()].add(label)
        if (number := _number(label)) is not None:
            groups["as numbers", number].add(label)
    return [
        f"{' and '.join(map(repr, sorted(group)))} are counted as {len(group)} classes, though they are equal {how}."
        for (how, _), group in sorted(groups.items(), key=lambda row: sorted(row[1]))
        if len(group) > 1
    ][:REMARKS_MAX]


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _check_number(path: Path, line: int, label: str) -> None:
    if _number(label) is None:
        raise LabelFileError(path, line, f"label {label!r} is not a number")


def _seconds(path: Path, line: int, text: str) -> float | None:
    if not text:
        return None
    seconds = _number(text)
    if seconds is None or not 0 <= seconds <= SECONDS_MAX:
        raise LabelFileError(path, line, f"seconds is {text!r}; it must be a number from 0 to {SECONDS_MAX:g}")
    return seconds


def _time(path: Path, line: int, text: str) -> int | None:
    """Return a time in microseconds since the epoch; one without its offset from UTC has no place in an order."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        reason = f"timestamp is {text!r}; it must be RFC 3339 with its offset, as 2018-08-15T09:37:12Z"
        raise LabelFileError(path, line, reason)
    return (at - _EPOCH) // timedelta(microseconds=1)
