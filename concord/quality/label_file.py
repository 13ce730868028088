"""Read labels and gold from CSV files; a file that cannot be right is refused with its line and the reason."""

import csv
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import NamedTuple

LABEL_COLUMNS = ("annotator", "item", "label")
LABEL_COLUMNS_OPTIONAL = ("seconds", "timestamp")
GOLD_COLUMNS = ("item", "label")


class LabelFileError(ValueError):
    """A file is not a table of labels; says which line and why."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.line = line
        self.reason = reason


class LabelRow(NamedTuple):
    """One label as it stands in the file: who said what about which unit."""

    annotator: str
    item: str
    label: str


def read_labels(path: Path, *, numeric: bool = False) -> list[LabelRow]:
    """Return the labels of a CSV file with the columns annotator, item, label[, seconds][, timestamp].

    With `numeric`, every label must be a finite number.

    Raises:
        LabelFileError: a column is missing or unknown, a row is too short, too long or has an empty field,
            a label is no number where it must be, the text is not UTF-8 or not CSV, or there is no row at all.
        OSError: the file cannot be opened.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.csv")
    ...     _ = path.write_text("annotator,item,label" + chr(10) + "ann,u1,yes")
    ...     read_labels(path)
    [LabelRow(annotator='ann', item='u1', label='yes')]
    """
    rows = []
    for line, row in _rows(path, LABEL_COLUMNS, LABEL_COLUMNS_OPTIONAL):
        if numeric:
            _check_number(path, line, row["label"])
        rows.append(LabelRow(row["annotator"], row["item"], row["label"]))
    if not rows:
        raise LabelFileError(path, 1, "the header is followed by no label")
    return rows


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
    for line, row in _rows(path, GOLD_COLUMNS, ()):
        if numeric:
            _check_number(path, line, row["label"])
        if gold.setdefault(row["item"], row["label"]) != row["label"]:
            reason = f"item {row['item']} is {row['label']} here and {gold[row['item']]} further up"
            raise LabelFileError(path, line, reason)
    if not gold:
        raise LabelFileError(path, 1, "the header is followed by no gold label")
    return gold


def _check_number(path: Path, line: int, label: str) -> None:
    try:
        finite = isfinite(float(label))
    except ValueError:
        finite = False
    if not finite:
        raise LabelFileError(path, line, f"label {label!r} is not a number")


def _rows(path: Path, needed: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row by column name) after holding header and rows to the expected columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            _check_header(path, header, needed, optional)
            for fields in reader:
                if not fields:
                    continue  # a blank line says nothing
                if len(fields) != len(header):
                    reason = f"{len(fields)} fields where the header has {len(header)}"
                    raise LabelFileError(path, reader.line_num, reason)
                row = dict(zip(header, (field.strip() for field in fields), strict=True))
                if empty := [column for column in needed if not row[column]]:
                    raise LabelFileError(path, reader.line_num, f"{' and '.join(empty)} must not be empty")
                yield reader.line_num, row
        except csv.Error as error:
            raise LabelFileError(path, reader.line_num, f"not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise LabelFileError(path, reader.line_num + 1, "not UTF-8 text, here or in the lines after") from error


def _check_header(path: Path, header: list[str], needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Refuse a header that lacks a needed column, holds an unknown one, or holds one twice."""
    expected = ",".join(needed) + "".join(f"[,{column}]" for column in optional)
    if missing := [column for column in needed if column not in header]:
        raise LabelFileError(path, 1, f"column {' and '.join(missing)} is missing; expected {expected}")
    if unknown := [column for column in header if column not in needed + optional]:
        raise LabelFileError(path, 1, f"unknown column {' and '.join(map(repr, unknown))}; expected {expected}")
    if len(set(header)) != len(header):
        raise LabelFileError(path, 1, f"a column stands twice in {','.join(header)}")
