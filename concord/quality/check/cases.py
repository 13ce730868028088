"""Read a file of published cases, and hold what a function gives against what a case expects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path
from typing import Any

KEYS = ("id", "function", "input", "expected", "tolerance")


class MalformedCases(ValueError):
    """A file that cannot be checked; the message names file, case and cure."""


@dataclass(frozen=True, slots=True)
class Case:
    """One published value.

    Attributes:
        name: the case's id.
        function: what to compute.
        given: the function's input, by name.
        expected: any subset of what the function gives, nested as that is; None stands for undefined.
        tolerance: how far a number may be off.
        relative: the tolerance is a share of the expected value: where the case's note says so, and for average
            run lengths (keys that begin with arl), by the format's own words.
    """

    name: str
    function: str
    given: Mapping[str, Any]
    expected: Mapping[str, Any]
    tolerance: float
    relative: bool

    def differences(self, got: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with `got`, a phrase a value; empty when the case passes."""
        return self._compare(self.expected, got, "")

    def _compare(self, expected: Any, got: Any, path: str) -> list[str]:
        if isinstance(expected, Mapping):
            if not isinstance(got, Mapping):
                return [f"{path or 'result'} is not an object"]
            wrong: list[str] = []
            for key, value in expected.items():
                place = f"{path}.{key}" if path else str(key)
                wrong += self._compare(value, got[key], place) if key in got else [f"{place} is not given"]
            return wrong
        if isinstance(expected, list):
            if not isinstance(got, list) or len(got) != len(expected):
                return [f"{path} is not a list of {len(expected)}"]
            return [
                phrase
                for i, (entry, other) in enumerate(zip(expected, got, strict=True))
                for phrase in self._compare(entry, other, f"{path}[{i}]")
            ]
        return [] if self._same(expected, got) else [f"{path} is off"]

    def _same(self, expected: object, got: object) -> bool:
        """Compare two leaves: numbers within the tolerance, everything else exactly."""
        if not _is_number(expected) or not _is_number(got):
            return expected == got and isinstance(expected, bool) == isinstance(got, bool)
        value, other = float(expected), float(got)  # type: ignore[arg-type] # both are numbers
        if isnan(value) or isnan(other):
            return False
        return value == other or abs(value - other) <= self.tolerance * (abs(value) if self.relative else 1)


def read_cases(file: Path) -> list[Case]:
    """Return the cases of a file, or raise MalformedCases."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise MalformedCases(f"{file}: cannot be read ({error.strerror}); give the path of a JSON file") from error
    except ValueError as error:
        raise MalformedCases(f"{file}: is not JSON ({error}); mend it there") from error
    cases = content.get("cases") if isinstance(content, dict) else None
    if not isinstance(cases, list):
        raise MalformedCases(f'{file}: has no list of cases; write {{"cases": [...]}}')
    return [_case(file, i, raw) for i, raw in enumerate(cases)]


def _case(file: Path, index: int, raw: Any) -> Case:
    if not isinstance(raw, dict):
        raise MalformedCases(f"{file}: case {index}: is not an object; write one with {', '.join(KEYS)}")
    name = raw.get("id", index)
    missing = [key for key in KEYS if key not in raw]
    if missing:
        raise MalformedCases(f"{file}: case {name}: lacks {', '.join(missing)}; add it")
    for key, kind, wanted in (
        ("id", str, "text"),
        ("function", str, "text"),
        ("input", dict, "an object"),
        ("expected", dict, "an object"),
    ):
        if not isinstance(raw[key], kind):
            raise MalformedCases(f"{file}: case {name}: {key} must be {wanted}")
    tolerance = raw["tolerance"]
    if not raw["expected"]:
        raise MalformedCases(f"{file}: case {name}: expects nothing; name at least one value")
    if not _is_number(tolerance) or not 0 <= tolerance < inf:
        raise MalformedCases(f"{file}: case {name}: tolerance must be a number of zero or more")
    run_lengths = any(key.startswith("arl") for key in raw["expected"])
    relative = run_lengths or "relative" in str(raw.get("note", "")).lower()
    return Case(name, raw["function"], raw["input"], raw["expected"], float(tolerance), relative)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
