"""What every format comes to: rows, each a unit as it is wished or why it cannot be, under the line it stands in."""

import json
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from concord.chassis.csv_records import COLUMNS_SHOWN_MAX, listed, refused
from concord.chassis.errors import BadRequest, ConcordError
from concord.chassis.http import JSON_DEPTH_MAX, check_depth
from concord.exports.regions import size_in
from concord.labels import LabelSchema
from services.ingest.domain.admission import Suggestion, UnitWish
from services.ingest.domain.staffing import Caution

OF_PICTURES = frozenset({"boxes", "polygons"})
"""Kinds of labels whose exchange formats want to know how large the picture is."""
SEPARATOR = "|"
"""Between several skills, or annotators, in one cell of text."""

UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What comes of taking a record of somebody else's making for what it ought to be: a part is not there, or is a text, a
list of three, a number that no float holds."""


class Row(NamedTuple):
    """One record of a file.

    Attributes:
        line: where it stands: the line it begins in, or the row, or the place in a list; from 1.
        said: the unit, or why it is none.
        cautions: what of it was not taken.
    """

    line: int
    said: UnitWish | ConcordError
    cautions: tuple[Caution, ...] = ()


class Reader(Protocol):
    """Reads a file as it comes, in flat memory."""

    def feed(self, chunk: bytes) -> Iterable[Row]:
        """Return the rows that are whole now.

        Raises:
            ConcordError: the file cannot be read at all; nothing of it was returned.
        """
        ...

    def end(self) -> Iterable[Row]:
        """Return what is left when no more comes.

        Raises:
            ConcordError: the file cannot be read at all; nothing of it was returned.
        """
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What the query says of a file: which of its columns mean what.

    Attributes:
        schema: of the project: known labels are read by it.
        id: the column that names the unit; empty: `id`, or where the format has a name of its own, that.
        content: the columns that are shown; several make an object. Empty: `content`.
        gold: the column of the known label; empty: `gold` where there is one.
        suggestion: the column of a model's label; empty: `suggestion` where there is one.
        media_type: of every unit that does not say; other than text, the content's column holds addresses.
        base_uri: what stands before the path of a file that lies elsewhere.
    """

    schema: LabelSchema
    id: str = ""
    content: tuple[str, ...] = ()
    gold: str = ""
    suggestion: str = ""
    media_type: str = ""
    base_uri: str = ""


class Columns:
    """What the columns of a table mean.

    Args:
        there: the names of the columns that there are.
        options: what the query says.

    Raises:
        Invalid: a column that is needed is not there; the error names it and those that are.
    """

    def __init__(self, there: Collection[str], options: Options) -> None:
        self.id = options.id or "id"
        self.content = options.content or ("content",)
        self.options = options
        known = [column for column in ATTRIBUTES if column in there]
        self.gold = options.gold or ("gold" if "gold" in there else "")
        self.suggestion = options.suggestion or ("suggestion" if "suggestion" in there else "")
        self.attributes = [column for column in known if column not in self.content and column != self.id]
        for parameter, wanted in self._wanted():
            if wanted not in there:
                raise refused(
                    wanted[: COLUMNS_SHOWN_MAX * 5], f"is no column; there are {listed(there)}", _cure(parameter)
                )
        self.used = [*dict.fromkeys([column for _, column in self._wanted()] + self.attributes)]
        self.unused = [column for column in there if column not in self.used]

    def _wanted(self) -> list[tuple[str, str]]:
        named = [("id", self.id), *(("content", column) for column in self.content)]
        return named + [
            (name, column) for name, column in (("gold", self.gold), ("suggestion", self.suggestion)) if column
        ]

    def cautions(self) -> tuple[Caution, ...]:
        """Return what is to be said of columns that nothing is read from."""
        if not self.unused:
            return ()
        problem = f"are not taken: {listed(self.unused)}"
        return (Caution("columns", problem, "name those that are to be shown by `content`, separated by commas"),)

    def wish(self, values: Mapping[str, Any]) -> UnitWish:
        """Return the unit that a record tells, by its columns' names.

        Raises:
            Invalid: a cell cannot be read.
        """
        attributes = {name: attribute(name, values[name]) for name in self.attributes if values[name] not in ("", None)}
        if self.gold and values[self.gold] not in ("", None):
            attributes["gold"] = label_from(self.options.schema, self.gold, values[self.gold])
        if self.suggestion and values[self.suggestion] not in ("", None):
            attributes["suggestion"] = Suggestion(
                label_from(self.options.schema, self.suggestion, values[self.suggestion])
            )
        attributes.setdefault("media_type", self.options.media_type)
        shown: Any = {name: values[name] for name in self.content}
        if len(self.content) == 1:
            shown = content_of(shown[self.content[0]], attributes["media_type"], self.options.base_uri)
        return UnitWish(str(values[self.id] if values[self.id] is not None else ""), shown, **attributes)


def content_of(value: Any, media_type: str, base_uri: str = "") -> Any:
    """Return what a unit shows: a text as it is, and for any other media type the address that the text is.

    >>> content_of("cats/1.png", "image/png", "https://example.org/data/")
    {'uri': 'https://example.org/data/cats/1.png'}
    """
    elsewhere = isinstance(value, str) and media_type and not media_type.startswith(("text/", "application/json"))
    return {"uri": f"{base_uri}{value}"} if elsewhere else value


def sized(content: Any, schema: LabelSchema, beside: Any = None) -> tuple[Any, tuple[Caution, ...]]:
    """Return what a unit shows with its picture's size, and what is to be said where regions have none.

    Args:
        content: what is shown.
        schema: of the project.
        beside: what the record says of the picture elsewhere: its width and height, if that.
    """
    if schema.kind not in OF_PICTURES or size_in(content) is not None:
        return content, ()
    if isinstance(content, dict) and (size := size_in(beside)) is not None:
        return content | size._asdict(), ()
    problem = "does not tell its picture's width and height: labels cannot leave as COCO or for Label Studio"
    return content, (Caution("content", problem, "send {'uri': ..., 'width': ..., 'height': ...}"),)


def label_from(schema: LabelSchema, field: str, value: Any) -> Any:
    """Return a label that a cell holds: of a class or a text as it stands there, of any other kind as JSON.

    Raises:
        Invalid: it is no JSON, or nested too deeply.
    """
    if not isinstance(value, str) or schema.kind in ("choice", "taxonomy", "text"):
        return value
    try:
        check_depth(value.encode())
        return msgspec.json.decode(value)
    except BadRequest as fault:
        raise refused(field, f"is nested more than {JSON_DEPTH_MAX} levels deep", "send a flatter label") from fault
    except (msgspec.DecodeError, UnicodeEncodeError) as fault:
        example = json.dumps(schema.spec().get("classes", 4), ensure_ascii=False)[:40]
        raise refused(field, "is no JSON", f"send the label as the API takes it, as in {example}") from fault


def _cure(parameter: str) -> str:
    return f"name the column by the parameter `{parameter}`, or send the file with it"


def attribute(name: str, value: Any) -> Any:
    """Return an attribute of a unit as `UnitWish` has it."""
    kind = ATTRIBUTES[name]
    if kind is tuple:
        parts = value.split(SEPARATOR) if isinstance(value, str) else value
        if not isinstance(parts, list):
            raise refused(name, "is no list", f"send a list, or a text of names with {SEPARATOR} between them")
        return tuple(str(part).strip() for part in parts)
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError) as fault:
        raise refused(name, "is no number", "send a number, or leave the cell empty") from fault


def number_in(value: Any) -> float | None:
    """Return the finite number that a record of somebody else's making holds; None where it holds none.

    >>> number_in(1), number_in("1"), number_in(True), number_in(10**400)
    (1.0, None, None, None)
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
        return None
    return float(value)


def text_in(value: Any) -> str:
    """Return the text that a record of somebody else's making holds; empty where it holds none."""
    return str(value) if isinstance(value, str | int | float) else ""


ATTRIBUTES: dict[str, type] = {
    "media_type": str,
    "priority": int,
    "skills": tuple,
    "annotators": tuple,
    "stratum": str,
    "subject": str,
    "uncertainty": float,
}
"""Columns that are read as the attribute of their name wherever they are there."""
