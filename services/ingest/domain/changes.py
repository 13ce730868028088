"""Changes: who said what otherwise, from one revision of a project to the next."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from services.ingest.domain.project import Definition, ProjectState

VALUE_BYTES_MAX = 2_000
"""Of a value that is told of a change; of a larger one its size and digest are."""
UNSAID = Definition({})
"""What a definition says where it says nothing."""


class Change(NamedTuple):
    """One field of a project that a revision changed.

    Attributes:
        field: as in the definition; `guideline_version`, `schema_version`, `life` and `life_reason` beside it.
        before, after: JSON; `before` is None in the first revision, whose defaults are not listed.
    """

    field: str
    before: Any
    after: Any


def changes(before: ProjectState | None, after: ProjectState) -> list[Change]:
    """Return what a revision changed, in the order of the definition's fields."""
    known = dict(_fields(before)) if before is not None else {}
    unsaid = dict(_said("", UNSAID))
    found = []
    for field, value in _fields(after):
        if before is None and ((field in unsaid and unsaid[field] == value) or value in ("open", "")):
            continue
        if before is None or known.get(field) != value:
            found.append(Change(field, told(known.get(field)), told(value)))
    return found


def _fields(state: ProjectState) -> Iterator[tuple[str, Any]]:
    yield "life", state.life
    yield "life_reason", state.life_reason
    yield from _said("", state.definition)
    yield "guideline_version", state.guideline_version
    yield "schema_version", state.schema_version


def _said(path: str, part: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        name = f"{path}.{field.name}" if path else field.name
        if isinstance(value, msgspec.Struct):
            yield from _said(name, value)
        else:
            yield name, value


def told(value: Any) -> Any:
    """Return a value as it is told: itself, or how large it is and its digest.

    >>> told([1, 2]), told("x" * 3_000)["bytes"]
    ([1, 2], 3002)
    """
    encoded = msgspec.json.encode(value)
    if len(encoded) <= VALUE_BYTES_MAX:
        return value
    return {"bytes": len(encoded), "sha256": hashlib.sha256(encoded).hexdigest()}
