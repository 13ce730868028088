"""How settings dataclasses are filled from environment variables: everything that is wrong is reported at once."""

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

SECRET_CHARACTERS_MIN = 32
SECRET_SYMBOLS_MIN = 8
SAMPLE_MARK = "sample"
"""A secret that starts with this is one of those printed in the repository."""
_NAME, _CURE, _SAMPLE, _LOW, _HIGH = "name", "cure", "sample", "low", "high"


class Environment(enum.StrEnum):
    """Where the process runs: only the local stack may use the sample secrets of this repository."""

    LOCAL = "local"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One setting that is wrong or missing."""

    name: str
    problem: str
    cure: str

    def __str__(self) -> str:
        return f"{self.name} {self.problem}; {self.cure}"


class SettingsRefused(Exception):
    """The process must not start: these settings are wrong or missing."""

    def __init__(self, problems: Iterable[SettingProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("settings refused:\n" + "\n".join(f"  {problem}" for problem in self.problems))


class Secret:
    """A value that never shows itself in a repr, a log line or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def key(self) -> bytes:
        """Return the secret as the bytes of a key."""
        return self._value.encode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(****)"


def setting(
    name: str, *, cure: str, default: Any = dataclasses.MISSING, low: float | None = None, high: float | None = None
) -> Any:
    """Return a dataclass field that is read from the environment variable `name`.

    Args:
        name: the variable.
        cure: what to set it to, as the rest of a sentence: "set it to host:port of any broker".
        default: its value when the variable is absent or empty; without one it is required.
        low: smallest allowed number.
        high: largest allowed number.
    """
    return dataclasses.field(default=default, metadata={_NAME: name, _CURE: cure, _LOW: low, _HIGH: high})


def secret(name: str, *, cure: str, sample: str) -> Any:
    """Return a dataclass field of type Secret read from `name`.

    Args:
        name: the variable.
        cure: how to make a good one.
        sample: its value on the local stack when it is not set; starts with "sample", and is refused elsewhere.
    """
    assert sample.startswith(SAMPLE_MARK), "a sample secret must be recognisable"
    return dataclasses.field(metadata={_NAME: name, _CURE: cure, _SAMPLE: sample})


def random_secret_cure(what: str) -> str:
    """Return the cure of a secret that is made once and kept: how to make one."""
    return f'set it to {what}: `python -c "import secrets; print(secrets.token_urlsafe(48))"`, and keep it'


T = TypeVar("T")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class _Unreadable(ValueError):
    """The value's problem, as the rest of a sentence that starts with the variable's name."""


def load(cls: type[T], environment: Mapping[str, str]) -> T:
    """Return a settings dataclass filled from the environment, its groups too.

    A group may have a method `problems()` that yields what is wrong across its fields.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    problems: list[SettingProblem] = []
    loaded = _group(cls, environment, environment.get("CONCORD_ENVIRONMENT") == Environment.LOCAL, problems)
    if problems or loaded is None:
        raise SettingsRefused(problems)
    return loaded


def _group(cls: type[T], environment: Mapping[str, str], local: bool, problems: list[SettingProblem]) -> T | None:
    """Return the group filled in, or None when one of its settings was added to the problems."""
    before = len(problems)
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # settings classes are dataclasses
        hint = hints[field.name]
        if _NAME in field.metadata:
            try:
                values[field.name] = _value(field, hint, environment.get(field.metadata[_NAME], "").strip(), local)
            except _Unreadable as fault:
                problems.append(SettingProblem(field.metadata[_NAME], str(fault), field.metadata[_CURE]))
        elif dataclasses.is_dataclass(hint):
            values[field.name] = _group(typing.cast("type[Any]", hint), environment, local, problems)
        else:
            raise TypeError(f"{cls.__name__}.{field.name} is neither a setting, a secret nor a group of them")
    if len(problems) > before:
        return None
    loaded = cls(**values)
    problems.extend(getattr(loaded, "problems", tuple)())
    return loaded


def _value(field: "dataclasses.Field[Any]", hint: Any, text: str, local: bool) -> Any:
    """Return the field's value for the variable's text, which may be empty."""
    if _SAMPLE in field.metadata:
        return _secret(text, field.metadata[_SAMPLE], local)
    if not text:
        if field.default is dataclasses.MISSING:
            raise _Unreadable("is not set")
        return field.default
    value = _parse(hint, text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = field.metadata[_LOW], field.metadata[_HIGH]
        if low is not None and value < low:
            raise _Unreadable(f"is {text}, less than {low}")
        if high is not None and value > high:
            raise _Unreadable(f"is {text}, more than {high}")
    return value


def _secret(text: str, sample: str, local: bool) -> Secret:
    """Return the secret, which must be a good one everywhere but on the local stack."""
    if local:
        return Secret(text or sample)
    if not text:
        raise _Unreadable("is not set")
    if text.lower().startswith(SAMPLE_MARK):
        raise _Unreadable("is a sample secret, which anybody can read in the repository")
    if len(text) < SECRET_CHARACTERS_MIN:
        raise _Unreadable(f"has {len(text)} characters, and {SECRET_CHARACTERS_MIN} are the least")
    if len(set(text)) < SECRET_SYMBOLS_MIN:
        raise _Unreadable(f"has fewer than {SECRET_SYMBOLS_MIN} different characters")
    return Secret(text)


def _parse(hint: Any, text: str) -> Any:
    """Return the text as the hinted type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _parse(next(a for a in arguments if a is not type(None)), text)
    if origin is tuple:
        return tuple(_parse(arguments[0], part.strip()) for part in text.split(",") if part.strip())
    if origin is Literal or issubclass(hint, enum.Enum):
        allowed = _one_of(text, arguments or [member.value for member in hint])
        return hint(allowed) if origin is None else allowed
    if hint is bool:
        return _one_of(text.lower(), sorted(_TRUE | _FALSE)) in _TRUE
    if hint in (int, float):
        return _number(hint, text)
    return hint(text)


def _one_of(text: str, allowed: Iterable[str]) -> str:
    """Return the text if it is allowed."""
    if text not in allowed:
        raise _Unreadable(f"is {text!r}, not one of {', '.join(allowed)}")
    return text


def _number(hint: type[int] | type[float], text: str) -> int | float:
    """Return the text as a finite number."""
    try:
        value = hint(text)
    except ValueError as fault:
        raise _Unreadable(f"is {text!r}, no {'whole number' if hint is int else 'number'}") from fault
    if not math.isfinite(value):
        raise _Unreadable(f"is {text!r}, no finite number")
    return value
