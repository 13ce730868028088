import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from concord.quality.__main__ import main
from concord.quality.check import MalformedCases, read_cases, run
from concord.quality.check.cases import Case

GOOD: dict[str, Any] = {
    "id": "wiki",
    "function": "cohen_kappa",
    "input": {"table": [[20, 5], [10, 15]]},
    "expected": {"kappa": 0.4},
    "tolerance": 1e-9,
}


def write(folder: Path, *cases: object) -> Path:
    file = folder / "cases.json"
    file.write_text(json.dumps({"cases": list(cases)}))
    return file


def case_of(**changes: Any) -> Case:
    raw = GOOD | changes
    return Case(raw["id"], raw["function"], raw["input"], raw["expected"], raw["tolerance"], relative=False)


def test_all_passing_exits_with_zero_and_counts_last(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(write(tmp_path, GOOD, GOOD))])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "2 passed, 0 failed"
    assert "expected" in result.stdout.splitlines()[0]
    assert "got" in result.stdout.splitlines()[0]
    assert "tolerance 1e-09" in result.stdout.splitlines()[0]


def test_one_failure_exits_with_one(tmp_path: Path) -> None:
    off = GOOD | {"expected": {"kappa": 0.41}}
    result = CliRunner().invoke(main, ["check", str(write(tmp_path, GOOD, off))])
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 passed, 1 failed"


def test_several_files_are_counted_together(tmp_path: Path) -> None:
    file = str(write(tmp_path, GOOD))
    result = CliRunner().invoke(main, ["check", file, file])
    assert result.stdout.splitlines()[-1] == "2 passed, 0 failed"


def test_an_unknown_function_is_a_failure() -> None:
    passed, line = run(case_of(function="gamma"))
    assert not passed
    assert "unknown function" in line


def test_a_case_that_provokes_an_error_fails_alone_and_on_one_line() -> None:
    passed, line = run(case_of(input={"table": [[1, 2, 3]]}))
    assert not passed
    assert "ValueError" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("expected", "passes"),
    [
        ({}, True),
        ({"kappa": 0.4 + 9e-10}, True),
        ({"kappa": 0.4 + 2e-9}, False),
        ({"kappa": None}, False),
        ({"kappa": "0.4"}, False),
        ({"kappa": [0.4]}, False),
        ({"kappa": {"value": 0.4}}, False),
        ({"gamma": 0.4}, False),
        ({"po": 0.7, "kappa": 0.4}, True),
    ],
)
def test_any_subset_of_values_is_compared(expected: dict[str, Any], passes: bool) -> None:
    assert run(case_of(expected=expected))[0] is passes


def test_lists_are_compared_element_by_element() -> None:
    case = case_of(expected={"x": [[1.0, None], [True, "a"]]})
    assert case.differences({"x": [[1.0, None], [True, "a"]]}) == []
    assert case.differences({"x": [[1.0, None], [1, "a"]]}) == ["x[1][0] is off"]
    assert case.differences({"x": [[1.0, float("nan")], [True, "a"]]}) == ["x[0][1] is off"]
    assert case.differences({"x": [[1.0, None]]}) == ["x is not a list of 2"]


def test_not_a_number_never_passes() -> None:
    assert case_of(expected={"x": 1.0}, tolerance=1e9).differences({"x": float("nan")}) == ["x is off"]


def test_run_lengths_are_held_to_a_relative_tolerance(tmp_path: Path) -> None:
    raw = GOOD | {"expected": {"arl": [200.0]}, "tolerance": 0.01}
    (case,) = read_cases(write(tmp_path, raw))
    assert case.differences({"arl": [201.9]}) == []
    assert case.differences({"arl": [202.1]}) == ["arl[0] is off"]


def test_a_note_makes_the_tolerance_relative(tmp_path: Path) -> None:
    raw = GOOD | {"expected": {"x": 100.0}, "tolerance": 0.01, "note": "Relative tolerance"}
    assert read_cases(write(tmp_path, raw))[0].differences({"x": 100.9}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tolerance": -1}, "tolerance"),
        ({"tolerance": "small"}, "tolerance"),
        ({"tolerance": float("inf")}, "tolerance"),
        ({"input": []}, "input must be an object"),
        ({"expected": 0.4}, "expected must be an object"),
        ({"expected": {}}, "name at least one value"),
        ({"function": None}, "function must be text"),
    ],
)
def test_a_malformed_case_is_refused_with_file_case_and_cure(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    file = write(tmp_path, GOOD | change)
    with pytest.raises(MalformedCases) as refused:
        read_cases(file)
    assert all(part in str(refused.value) for part in (str(file), "case wiki", words))


def test_a_case_without_a_tolerance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedCases, match="lacks tolerance; add it"):
        read_cases(write(tmp_path, {key: value for key, value in GOOD.items() if key != "tolerance"}))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cases": 3}', '{"cases": [7]}', "\udce9"])
def test_a_file_that_holds_no_cases_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cases.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert "passed" not in result.stdout


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(tmp_path / "none.json")])
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
