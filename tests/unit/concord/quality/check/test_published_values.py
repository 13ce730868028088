from pathlib import Path

import pytest

from concord.quality.check import Case, read_cases, run

TRUTH = Path(__file__).parents[4] / "data" / "truth"
CASES = [case for file in sorted(TRUTH.glob("*.json")) for case in read_cases(file)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_published_value_is_met(case: Case) -> None:
    passed, line = run(case)
    assert passed, line


def test_all_five_tables_are_here() -> None:
    assert {file.stem for file in TRUTH.glob("*.json")} == {"acceptance", "agreement", "control", "intervals", "truth"}
    assert len(CASES) == 47
