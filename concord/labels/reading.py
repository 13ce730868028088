"""Read one value out of untrusted JSON: it comes back checked and typed, or a fault names its path."""

import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping

from concord.labels.schema import (
    CLASS_CHARACTERS_MAX,
    CLASSES_MAX,
    LabelFault,
    SchemaFault,
)

Fault = type[LabelFault] | type[SchemaFault]

SHOWN_CHARACTERS_MAX = 40
SHOWN_BITS_MAX = 64
_JOINERS = "\u200c\u200d"
"""Letters of Persian and of Indic scripts, and composed emoji, are written with them."""


def shown(value: object) -> str:
    """Return a short name of a value for a message, whatever its size or depth.

    >>> shown("yes"), shown([1, 2]), shown(None)
    ("'yes'", 'a list of 2', 'null')
    """
    if isinstance(value, str):
        return ascii(value[:SHOWN_CHARACTERS_MAX]) + ("..." if len(value) > SHOWN_CHARACTERS_MAX else "")
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS_MAX:
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return f"a {type(value).__name__}"


def text_in(value: object, path: str, fault: Fault, characters_max: int) -> str:
    """Return a string in Unicode normal form C that UTF-8 can carry, of at most `characters_max`.

    >>> text_in("e" + chr(0x301), "$", LabelFault, 10) == chr(0xE9)
    True
    """
    if not isinstance(value, str):
        raise fault(path, f"{shown(value)} is not a string", "send a string")
    if len(value) <= characters_max:
        value = unicodedata.normalize("NFC", value)
    if len(value) > characters_max:
        raise fault(path, f"{len(value)} characters are too many", f"send at most {characters_max}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise fault(path, "half a surrogate pair is no character", "send whole characters") from error
    return value


def list_in(value: object, path: str, fault: Fault, length_min: int, length_max: int) -> list[object]:
    """Return a list of `length_min` to `length_max` values, not looked into.

    >>> list_in(["a"], "$", LabelFault, 1, 3)
    ['a']
    """
    if not isinstance(value, list):
        raise fault(path, f"{shown(value)} is not a list", "send a list")
    if not length_min <= len(value) <= length_max:
        raise fault(path, f"{shown(value)} is not allowed", f"send from {length_min} to {length_max}")
    return value


def object_in(
    value: object, path: str, fault: Fault, required: Iterable[str], optional: Iterable[str] = ()
) -> Mapping[str, object]:
    """Return an object that has all `required` keys and no others but the `optional` ones.

    >>> object_in({"start": 0}, "$", LabelFault, ["start"], ["end"])
    {'start': 0}
    """
    required, allowed = list(required), [*required, *optional]
    if not isinstance(value, dict):
        raise fault(path, f"{shown(value)} is not an object", f"send an object with {', '.join(required)}")
    for key in value:
        if key not in allowed:
            raise fault(path, f"there is no field {shown(key)} here", f"use only {', '.join(allowed)}")
    for key in required:
        if key not in value:
            raise fault(f"{path}.{key}", "this field is missing", "give it")
    return value


def integer_in(value: object, path: str, fault: Fault, low: int, high: int) -> int:
    """Return an integer from `low` to `high`; a float without a fraction is one, true and false are not.

    >>> integer_in(3.0, "$", LabelFault, 1, 5)
    3
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise fault(path, f"{shown(value)} is not an integer", f"send one from {low} to {high}")
    if not low <= value <= high:
        raise fault(path, f"{shown(value)} is out of range", f"send an integer from {low} to {high}")
    return value


def number_in(value: object, path: str, fault: Fault, low: float, high: float) -> float:
    """Return a finite float from `low` to `high`; negative zero comes back as zero.

    >>> number_in(2, "$", LabelFault, 0, 10)
    2.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fault(path, f"{shown(value)} is not a number", f"send one {_range(low, high)}")
    # NaN fails every comparison and so is refused here as well.
    if not low <= value <= high:
        raise fault(path, f"{shown(value)} is out of range", f"send a number {_range(low, high)}")
    return float(value) + 0.0


def flag_in(value: object, path: str, fault: Fault) -> bool:
    """Return true or false; nothing else is taken for one.

    >>> flag_in(True, "$", SchemaFault)
    True
    """
    if not isinstance(value, bool):
        raise fault(path, f"{shown(value)} is neither true nor false", "send true or false")
    return value


def class_names_in(value: object, path: str, count_min: int) -> tuple[str, ...]:
    """Return the class names of a schema: distinct, printable, without blanks at their ends.

    >>> class_names_in(["yes", "no"], "$.classes", 2)
    ('yes', 'no')
    """
    listed = list(value) if isinstance(value, tuple) else value
    names: dict[str, int] = {}
    for place, given in enumerate(list_in(listed, path, SchemaFault, count_min, CLASSES_MAX)):
        here = f"{path}[{place}]"
        name = class_name_in(given, here)
        if name in names:
            raise SchemaFault(here, f"{shown(name)} stands at {names[name]} already", "name each class once")
        names[name] = place
    return tuple(names)


def class_name_in(value: object, path: str) -> str:
    """Return one class name of a schema: printable, without blanks at its ends.

    >>> class_name_in("yes", "$.classes[0]")
    'yes'
    """
    name = text_in(value, path, SchemaFault, CLASS_CHARACTERS_MAX)
    if not name or not _is_printable(name) or name != name.strip():
        raise SchemaFault(path, f"{shown(name)} is no class name", "use printable text, no blanks around")
    return name


def class_in(value: object, path: str, classes: Collection[str]) -> str:
    """Return a class of the schema that a label names.

    >>> class_in("yes", "$", ("yes", "no"))
    'yes'
    """
    name = text_in(value, path, LabelFault, CLASS_CHARACTERS_MAX)
    if name not in classes:
        few = [shown(each) for each in list(classes)[:10]]
        raise LabelFault(path, f"{shown(name)} is no class of this project", f"use one of {', '.join(few)}")
    return name


def _is_printable(name: str) -> bool:
    """Say whether a name shows all that it holds: blanks of a script and joiners do, bidi and other controls do not."""
    return all(each.isprintable() or each in _JOINERS or unicodedata.category(each) == "Zs" for each in name)


def _range(low: float, high: float) -> str:
    """Write a range with every digit: rounded ends would refuse what they name."""
    return " ".join(("from", str(low).removesuffix(".0"), "to", str(high).removesuffix(".0")))
