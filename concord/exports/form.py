"""What an export is asked to be, and what every format offers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from concord.exports.record import Record
from concord.labels import LabelSchema

Rows = Literal["units", "annotations"]


class DoesNotFit(ValueError):
    """The format cannot say what the labels say.

    Attributes:
        field: of the request, or of the unit that does not fit.
        cure: what to ask for, or to send, instead.
    """

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem
        self.cure = cure


class Form(NamedTuple):
    """What an export is asked to be.

    Attributes:
        format: its name.
        rows: resolved labels, one a unit, or every annotator's own.
        data: whether what was labelled goes with it.
        duplicates: whether units that another unit of the same content stands for are told, with that one's label.
    """

    format: str
    rows: Rows = "units"
    data: bool = False
    duplicates: bool = False


class Writer(Protocol):
    """Writes one file. What it returns, one after the other, is the file; it keeps no more than a bounded piece.

    Attributes:
        rows: rows or entries written so far.
        left_out: what cannot stand in this format, by the reason, counted and never dropped silently.
    """

    rows: int
    left_out: Counter[str]

    def begin(self) -> bytes:
        """Return how the file begins."""
        ...

    def write(self, records: Sequence[Record]) -> bytes:
        """Take in the next records and return what is next of the file, perhaps nothing yet.

        Raises:
            DoesNotFit: one of them cannot be written; the field names it.
        """
        ...

    def end(self) -> bytes:
        """Return the rest of the file."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        suffix: of its files.
        per_annotation: whether it can hold every annotator's label.
        one_file: whether a project of any size may be one file; otherwise it comes in parts.
        holds_all: whether whatever fits by its schema can be written; otherwise it is only known when it is tried.
        needs_data: whether labels of a schema cannot be written without data.
        writer: makes the writer of one file; raises DoesNotFit.
    """

    name: str
    suffix: str
    media_type: str
    per_annotation: bool
    one_file: bool
    holds_all: bool
    needs_data: Callable[[LabelSchema], bool]
    writer: Callable[[Form, LabelSchema], Writer]
    folder: str = ""
    """Of its parts, with a slash; empty for none."""

    def file_name(self, part: int, parts: int) -> str:
        """Return the name of a part's file, in the folder of the export.

        >>> never = Format("x", "jsonl", "", True, True, True, lambda schema: False, lambda form, schema: None)
        >>> never.file_name(0, 3)
        'part-00000-of-00003.jsonl'
        """
        stem = "train" if self.folder else "part"
        return f"{self.folder}{stem}-{part:05d}-of-{parts:05d}.{self.suffix}"


def never(schema: LabelSchema) -> bool:
    """Say that a format needs data for no schema."""
    del schema
    return False


def always(schema: LabelSchema) -> bool:
    """Say that a format needs data for every schema."""
    del schema
    return True
