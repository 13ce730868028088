"""Canonical JSON: the one run of bytes for a label, in which it travels and by which it is compared."""

import json
from typing import Final

from concord.labels.schema import DEPTH_MAX, LABEL_BYTES_MAX, Json, LabelFault


def encoded(label: Json) -> bytes:
    """Return a label as canonical JSON: keys sorted, no blanks, UTF-8.

    Two canonical labels of one schema are equal exactly when their bytes are.

    Raises:
        LabelFault: NaN or infinity, half a surrogate pair, nesting over DEPTH_MAX, more than
            LABEL_BYTES_MAX bytes, or what JSON does not know.

    >>> encoded({"start": 0, "class": "né"}).decode()
    '{"class":"né","start":0}'
    """
    try:
        data = _ENCODER.encode(label).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise LabelFault("$", f"it is not JSON ({_first_line(error)})", "send plain JSON") from error
    _check_bytes(data)
    _check_depth(label)
    return data


def fits(label: Json) -> bool:
    """Say whether a label takes at most LABEL_BYTES_MAX bytes: what was merged may be longer than its sources.

    >>> fits({"start": 0}), fits("x" * LABEL_BYTES_MAX)
    (True, False)
    """
    return len(_ENCODER.encode(label).encode()) <= LABEL_BYTES_MAX


def decoded(data: bytes) -> Json:
    """Return the label that canonical JSON bytes hold; the label is not checked against any schema.

    Raises:
        LabelFault: bytes that are not UTF-8 JSON, or that `encoded` would refuse; a key given twice.

    >>> decoded(b'{"class":"yes","start":0}')
    {'class': 'yes', 'start': 0}
    """
    _check_bytes(data)
    try:
        label: Json = _DECODER.decode(data.decode())
    except LabelFault:
        raise
    except (ValueError, RecursionError) as error:
        raise LabelFault("$", f"it is not JSON ({_first_line(error)})", "send UTF-8 JSON") from error
    _check_depth(label)
    return label


def _first_line(error: BaseException) -> str:
    return ascii(str(error).partition("\n")[0][:100])


def _check_bytes(data: bytes) -> None:
    if len(data) > LABEL_BYTES_MAX:
        raise LabelFault("$", f"{len(data)} bytes are too many", f"send at most {LABEL_BYTES_MAX}")


def _check_depth(label: Json) -> None:
    if not isinstance(label, list | dict):
        return
    level: list[Json] = [label]
    for _ in range(DEPTH_MAX):
        level = [
            child
            for value in level
            if isinstance(value, list | dict)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise LabelFault("$", f"it is nested deeper than {DEPTH_MAX}", "send a flatter label")


def _refuse_constant(name: str) -> Json:
    raise LabelFault("$", f"{name} is not JSON", "send a finite number")


def _object_of_distinct_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LabelFault("$", "an object gives one key twice", "give each key once")
    return found


_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=True
)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_object_of_distinct_keys)
