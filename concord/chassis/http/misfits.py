"""What a body says that its type does not take, as the field, the problem and the cure: msgspec tells the first two."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from concord.chassis.errors import FieldError

VALUES_LISTED_MAX = 30
"""Of those that may be sent, as many are named in a cure."""
KEY_CHARACTERS_MAX = 40
_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_SOME_KEY = "[...]"
"""What msgspec's path says of a key of a mapping, whatever the key."""
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_SEE = "see /openapi.json for what is taken here"
_CURES = (
    ("missing required field", "send it"),
    ("unknown field", "leave it out, or see /openapi.json for how it is spelt"),
    ("Expected ", "send what was expected"),
)


def field_error(fault: msgspec.ValidationError, kind: Any, text: bytes) -> FieldError:
    """Return msgspec's message as a path, a problem and a cure.

    Args:
        fault: as decoding raised it.
        kind: the type that was to be decoded.
        text: the JSON text, for msgspec does not say under which key of a mapping the fault is.
    """
    found = _PLACE.match(str(fault))
    assert found is not None, "the pattern matches every text"
    problem, path = found["problem"], (found["path"] or "$")
    kinds = [kind]
    if _SOME_KEY in path or "Invalid enum value" in problem:
        path, kinds = _followed(path, kind, text)
    field = path.removeprefix("$").removeprefix(".") or "body"
    named = re.search(r"field `([^`]+)`", problem)
    if named and "field" in problem:
        field = named[1] if field == "body" else f"{field}.{named[1]}"
    if "Invalid enum value" in problem:
        return FieldError(field, problem, _choice(kinds))
    return FieldError(field, problem, next((cure for start, cure in _CURES if start in problem), _SEE))


def _choice(kinds: list[Any]) -> str:
    values = [str(value) for kind in kinds for value in _values(kind)]
    if not values or len(values) > VALUES_LISTED_MAX:
        return "see /openapi.json for the values there are"
    return f"send {values[0]}" if len(values) == 1 else f"send {', '.join(values[:-1])} or {values[-1]}"


def _followed(path: str, kind: Any, text: bytes) -> tuple[str, list[Any]]:
    """Return a path with the keys that it stands for, and what may stand at its end."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return path, []  # what stands behind the fault was not looked at
    try:
        return _walked(path, kind, value)
    except (LookupError, TypeError):
        return path, []  # a key stands twice: the fault is in its first value, and the last one is what is left


def _walked(path: str, kind: Any, value: Any) -> tuple[str, list[Any]]:
    entry, kinds = "$", [kind]
    for step in _STEP.finditer(path):
        name, place = step[1], step[2]
        if name is not None:
            kinds, value = [found for row in kinds for found in _of_field(row, name)], value[name]
            entry += f".{name}"
        elif place != "...":
            kinds, value = [found for row in kinds for found in _of_items(row, int(place))], value[int(place)]
            entry += f"[{place}]"
        else:
            kinds = [found for row in kinds for found in _of_values(row)]
            key = next((key for key in value if not any(_fits(value[key], row) for row in kinds)), None)
            if key is None:
                return path, []
            value, entry = value[key], f"{entry}.{key[:KEY_CHARACTERS_MAX]}"
    return entry, kinds


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _bare(kind: Any) -> Iterator[Any]:
    """Yield a type without what is said beside it, and of a union each of its types."""
    if get_origin(kind) is Annotated:
        yield from _bare(get_args(kind)[0])
    elif get_origin(kind) in (None, Literal, list, tuple, dict):
        yield kind
    else:
        for entry in get_args(kind):
            yield from _bare(entry)


def _of_field(kind: Any, name: str) -> Iterator[Any]:
    for entry in _bare(kind):
        if isinstance(entry, type) and issubclass(entry, msgspec.Struct):
            yield from (field.type for field in msgspec.structs.fields(entry) if field.encode_name == name)


def _of_items(kind: Any, place: int) -> Iterator[Any]:
    for entry in _bare(kind):
        if get_origin(entry) is list or (get_origin(entry) is tuple and get_args(entry)[-1] is Ellipsis):
            yield get_args(entry)[0]
        elif get_origin(entry) is tuple and place < len(get_args(entry)):
            yield get_args(entry)[place]


def _of_values(kind: Any) -> Iterator[Any]:
    yield from (get_args(entry)[1] for entry in _bare(kind) if get_origin(entry) is dict)


def _values(kind: Any) -> Iterator[Any]:
    for entry in _bare(kind):
        if get_origin(entry) is Literal:
            yield from get_args(entry)
        elif isinstance(entry, type) and issubclass(entry, Enum):
            yield from (member.value for member in entry)
