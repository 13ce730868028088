"""What a document must look like so that every MongoDB-compatible store keeps it as it was given."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from concord.chassis.store.port import DOCUMENT_BYTES_MAX, INSERT_DOCUMENTS_MAX

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
KEYS_REMEMBERED_MAX = 4_096
SCALAR_BYTES = 16
"""What a number and the name of its field are taken to need; an estimate, far below the store's own limit."""


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
        size = _document_bytes(document, identifier)
        if size > DOCUMENT_BYTES_MAX:
            raise UnstorableDocument(f"{identifier} is about {size} bytes; at most {DOCUMENT_BYTES_MAX}")


def _document_bytes(document: Mapping[Any, Any], place: str) -> int:
    if not _are_good_keys(tuple(document)):
        key = next(key for key in document if not _is_good_key(key))
        raise UnstorableDocument(f"{place}: the key {key!r} is empty or has a dot, a dollar or NUL in it")
    size = SCALAR_BYTES * len(document)
    for key, value in document.items():
        kind = type(value)
        if kind is str or kind is bytes:  # nearly all there is, so asked first
            size += len(value)
        elif kind is int and INTEGER_MIN <= value <= INTEGER_MAX:
            continue
        elif kind is list or kind is tuple:
            size += _list_bytes(value, place, key)
        else:
            size += _value_bytes(value, place, key)
    return size


def _list_bytes(elements: Sequence[object], place: str, key: str) -> int:
    size = 0
    for element in elements:
        if type(element) is str:
            size += SCALAR_BYTES + len(element)
        else:
            size += SCALAR_BYTES + _value_bytes(element, place, key)
    return size


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def _are_good_keys(keys: tuple[object, ...]) -> bool:
    """Return whether these may name the fields of a document; remembered, for a program has few kinds of documents."""
    return all(_is_good_key(key) for key in keys)


def _is_good_key(key: object) -> bool:
    return isinstance(key, str) and key != "" and not any(character in key for character in ".$\x00")


def _value_bytes(value: object, place: str, key: str) -> int:
    """Return what a value takes beside SCALAR_BYTES."""
    match value:
        case str() | bytes():
            return len(value)
        case dict():
            return _document_bytes(value, f"{place}.{key}")
        case int() if not INTEGER_MIN <= value <= INTEGER_MAX:
            raise UnstorableDocument(f"{place}.{key}: {value} does not fit 64 bits")
        case float() if not math.isfinite(value):
            raise UnstorableDocument(f"{place}.{key}: {value} is not a finite number")
        case int() | float() | None:
            return 0
        case list() | tuple():
            raise UnstorableDocument(f"{place}.{key}: a list in a list; put a document between")
        case _:
            raise UnstorableDocument(f"{place}.{key}: a {type(value).__name__} cannot be stored")
