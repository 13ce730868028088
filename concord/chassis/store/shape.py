"""What a document must look like so that every MongoDB-compatible store keeps it as it was given."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from concord.chassis.store.port import INSERT_DOCUMENTS_MAX

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1

_UNTROUBLED = frozenset({str, bytes, bool, type(None)})


class UnstorableDocument(ValueError):
    """A document that some store would refuse or change; the reason names the place. The caller's fault."""


def check_documents(documents: Sequence[Mapping[str, Any]]) -> None:
    """Raise UnstorableDocument unless all of these can be inserted at once.

    Keys are non-empty strings without dots, dollars and NUL; integers fit 64 bits; numbers are finite; no list
    lies directly in a list. Each of these was seen to be refused or mangled by a store that calls itself compatible.
    """
    if len(documents) > INSERT_DOCUMENTS_MAX:
        raise UnstorableDocument(f"{len(documents)} documents in one insert; at most {INSERT_DOCUMENTS_MAX}")
    for document in documents:
        identifier = document.get("_id")
        if not isinstance(identifier, str) or not identifier:
            raise UnstorableDocument(f"_id is {identifier!r}; it must be a string that is not empty")
        _check_document(document, identifier)


def _check_document(document: Mapping[Any, Any], place: str) -> None:
    for key, value in document.items():
        if not isinstance(key, str) or not key or "." in key or "$" in key or "\x00" in key:
            raise UnstorableDocument(f"{place}: the key {key!r} is empty or has a dot, a dollar or NUL in it")
        if type(value) in _UNTROUBLED:
            continue
        if isinstance(value, list | tuple):
            for element in value:
                if isinstance(element, list | tuple):
                    raise UnstorableDocument(f"{place}.{key}: a list in a list; put a document between")
                _check_value(element, place, key)
        else:
            _check_value(value, place, key)


def _check_value(value: object, place: str, key: str) -> None:
    match value:
        case str() | bytes() | None:  # bool is an int, and always fits
            return
        case int():
            if not INTEGER_MIN <= value <= INTEGER_MAX:
                raise UnstorableDocument(f"{place}.{key}: {value} does not fit 64 bits")
        case float():
            if not math.isfinite(value):
                raise UnstorableDocument(f"{place}.{key}: {value} is not a finite number")
        case dict():
            _check_document(value, f"{place}.{key}")
        case _:
            raise UnstorableDocument(f"{place}.{key}: a {type(value).__name__} cannot be stored")
