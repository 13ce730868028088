"""A row of a roster's file as what is said of an annotator."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast, get_args

from concord.chassis.csv_records import listed, refused
from concord.chassis.errors import ConcordError
from concord.contracts.names import NameRefused, name_from
from services.assign.domain.eligibility import AnnotatorKind, AtWork, Credential
from services.assign.handlers import Entry
from services.assign.schemas import ANNOTATOR_LISTS_MAX, NAME_MAX, microseconds

SEPARATOR = "|"
ENDS = "="
NAME = "annotator_id"


def _several(field: str, cell: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(word for part in cell.split(SEPARATOR) if (word := part.strip())))
    if len(found) > ANNOTATOR_LISTS_MAX[field]:
        raise refused(field, f"names {len(found)}", f"send at most {ANNOTATOR_LISTS_MAX[field]}")
    for word in found:
        _short(field, word)
    return found


def _short(field: str, text: str) -> str:
    if len(text) > NAME_MAX:
        raise refused(field, f"has {len(text)} characters in one", f"send at most {NAME_MAX}")
    return text


def _credentials(cell: str) -> tuple[Credential, ...]:
    found = [text for part in cell.split(SEPARATOR) if (text := part.strip())]
    if len(found) > ANNOTATOR_LISTS_MAX["credentials"]:
        cure = f"send at most {ANNOTATOR_LISTS_MAX['credentials']}"
        raise refused("credentials", f"names {len(found)}", cure)
    return tuple(_credential(text) for text in found)


def _credential(text: str) -> Credential:
    domain, ends, until = text.rpartition(ENDS) if ENDS in text else (text, "", "")
    if not (domain := _short("credentials", domain.strip())):
        raise refused("credentials", f"names no domain in {text[:60]!r}", "send as law=2027-01-31T00:00:00Z, or law")
    if not ends:
        return Credential(domain)
    try:
        time = datetime.fromisoformat(until.strip())
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        cure = "send RFC 3339 with an offset, as law=2027-01-31T00:00:00Z"
        raise refused("credentials", f"has {until.strip()[:60]!r} for a time", cure)
    return Credential(domain, microseconds(time, "credentials"))


def _one_of(field: str, cell: str, known: Sequence[str], unless: str) -> str:
    word = cell.strip() or unless
    if word not in known:
        raise refused(field, f"is {word[:60]!r}", f"send one of {', '.join(known)}")
    return word


COLUMNS: Mapping[str, Callable[[str], object]] = {
    "kind": lambda cell: _one_of("kind", cell, get_args(AnnotatorKind), "human"),
    "skills": lambda cell: _several("skills", cell),
    "credentials": _credentials,
    "vendor": lambda cell: _short("vendor", cell.strip()),
    "languages": lambda cell: _several("languages", cell),
}
"""What a cell says, by its column."""
STATE = "state"


def known_columns(header: Sequence[str]) -> None:
    """Raise Invalid where a file has no column of names, or one that says nothing here."""
    if NAME not in header:
        raise refused(NAME, f"is no column; there are {listed(header)}", "send the annotators' names in it")
    unknown = [column for column in header if column not in (NAME, STATE, *COLUMNS)]
    if unknown:
        known = ", ".join((NAME, *COLUMNS, STATE))
        raise refused(unknown[0][:60], f"is no column here: {listed(unknown)}", f"leave it out; there are {known}")


def entry_of(cells: Mapping[str, str]) -> Entry | ConcordError:
    """Return what a row says, or why it says nothing."""
    try:
        name = name_from(cells[NAME])
        values = {field: COLUMNS[field](cell) for field, cell in cells.items() if field in COLUMNS}
        at_work = None
        if cells.get(STATE, "").strip():
            at_work = cast("AtWork", _one_of(STATE, cells[STATE], get_args(AtWork), ""))
        return Entry(name, values, at_work)
    except NameRefused as fault:
        return refused(NAME, fault.problem, fault.cure)
    except ConcordError as fault:
        return fault
