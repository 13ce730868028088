"""Hold the statistics against files of published values: `python -m concord.quality check FILE...`.

A case names a function, its input and what it expects. The tables that say how each function is computed here
stand in one file a field; this file joins them, runs the cases and reports.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from concord.quality.check import acceptance, agreement, control, intervals, truth
from concord.quality.check.cases import Case, MalformedCases, read_cases

__all__ = ["FUNCTIONS", "Case", "MalformedCases", "check", "read_cases", "run"]

Function = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _joined(*tables: Mapping[str, Function]) -> dict[str, Function]:
    joined: dict[str, Function] = {}
    for table in tables:
        if doubled := joined.keys() & table.keys():
            raise ValueError(f"functions defined in two tables: {', '.join(sorted(doubled))}")
        joined |= table
    return joined


FUNCTIONS = _joined(agreement.FUNCTIONS, intervals.FUNCTIONS, truth.FUNCTIONS, acceptance.FUNCTIONS, control.FUNCTIONS)
"""Every function that a case may name."""


def run(case: Case) -> tuple[bool, str]:
    """Compute one case; return whether it passes, and the line that says so."""
    function = FUNCTIONS.get(case.function)
    allowed = f"tolerance {case.tolerance:g}{' relative' if case.relative else ''}"
    opening = f"{case.name} {case.function}: expected {_text(case.expected)}"
    if function is None:
        return False, f"FAIL {opening}, got nothing: unknown function, {allowed}"
    try:
        got = _plain(function(case.given))
    except Exception as error:
        text = " ".join(str(error).split())
        return False, f"FAIL {opening}, got {type(error).__name__}: {text}, {allowed}"
    shown = f"{opening}, got {_text(_asked_for(case.expected, got))}, {allowed}"
    wrong = case.differences(got)
    return (False, f"FAIL {shown}: {'; '.join(wrong)}") if wrong else (True, f"ok   {shown}")


def check(files: Iterable[Path], tell: Callable[[str], None]) -> int:
    """Run the cases of all files, tell a line each and the count; return how many failed.

    Every file is read before the first case runs; MalformedCases if one cannot be.
    """
    cases = [case for file in files for case in read_cases(file)]
    failed = 0
    for case in cases:
        passed, line = run(case)
        failed += not passed
        tell(line)
    tell(f"{len(cases) - failed} passed, {failed} failed")
    return failed


def _plain(value: Any) -> Any:
    """Return arrays and numpy numbers as lists and numbers, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _asked_for(expected: Any, got: Any) -> Any:
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return {key: _asked_for(value, got[key]) for key, value in expected.items() if key in got}
    return got


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
