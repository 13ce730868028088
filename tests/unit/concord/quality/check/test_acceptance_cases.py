import json
from pathlib import Path

import pytest

from concord.quality.check.acceptance import FUNCTIONS
from concord.quality.check.control import FUNCTIONS as CONTROL_FUNCTIONS

TRUTH = Path(__file__).parents[4] / "data" / "truth"
CASES = [
    case for family in ("acceptance", "control") for case in json.loads((TRUTH / f"{family}.json").read_text())["cases"]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_published_case(case: dict[str, object]) -> None:
    functions = {**FUNCTIONS, **CONTROL_FUNCTIONS}
    got = functions[str(case["function"])](case["input"])  # type: ignore[arg-type]  # read from JSON
    tolerance = float(case["tolerance"])  # type: ignore[arg-type]  # read from JSON
    relative = case["family"] == "control"
    for key, expected in dict(case["expected"]).items():  # type: ignore[call-overload]  # read from JSON
        if isinstance(expected, str):
            assert got[key] == expected
            continue
        rows = expected if isinstance(expected, list) and isinstance(expected[0], list) else [expected]
        found = got[key] if rows is expected else [got[key]]
        for row, value in zip(rows, found, strict=True):
            if relative:
                assert value == pytest.approx(row, rel=tolerance, abs=1e-6)
            else:
                assert value == pytest.approx(row, abs=tolerance, rel=0)
