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


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        ("oc_quality_at_pa", {"n": 80, "c": 2, "pa": [0.95, 0.1]}, {"p": [0.010283, 0.065185]}),
        ("aoql", {"n": 89, "c": 2, "N": 10_000}, {"aoql": 0.015252, "at_p": 0.025295}),
        ("cusum_h_for_arl", {"k": 0.5, "arl0": 370.4}, {"h": 4.774942}),
        ("cusum_h_for_arl", {"k": 0.5, "arl0": 930.887, "sided": "one"}, {"h": 5.0}),
        ("asn_single", {"n": 2, "c": 0, "p": 0.1}, {"asn": 1.9, "pa": 0.81}),
        ("oc_poisson", {"n": 80, "c": 2, "p": 0.01}, {"pa": 0.952577}),
        ("find_double_plan", {"p1": 0.01, "alpha": 0.05, "p2": 0.06, "beta": 0.1}, {"n1": 67, "c1": 1, "c2": 3}),
        ("ewma_l_for_arl", {"lambda": 0.1, "arl0": 500}, {"L": 2.8143}),
        ("iso2859_single", {"lot": 1000, "level": "S4", "aql": 2.5}, {"initial_letter": "F", "n": 20, "ac": 1}),
    ],
)
def test_functions_beyond_the_published_files(
    function: str, given: dict[str, object], expected: dict[str, object]
) -> None:
    got = {**FUNCTIONS, **CONTROL_FUNCTIONS}[function](given)
    for key, value in expected.items():
        assert got[key] == (value if isinstance(value, str) else pytest.approx(value, abs=1e-4))


@pytest.mark.parametrize(("words", "first_limit"), [("exact", 10.27), ("time-varying", 10.27), ("fixed", 10.6194)])
def test_words_for_ewma_limits(words: str, first_limit: float) -> None:
    given = {"x": [10.0, 14.0], "target": 10, "sigma": 1, "lambda": 0.1, "L": 2.7, "limits": words}
    got = CONTROL_FUNCTIONS["ewma_chart"](given)
    assert got["ucl"][0] == pytest.approx(first_limit, abs=1e-4)
    assert got["z"] == pytest.approx([10.0, 10.4])
    assert got["first_signal_index_1based"] == (2 if first_limit == 10.27 else None)


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        CONTROL_FUNCTIONS["ewma_chart"]({"x": [1.0], "target": 0, "sigma": 1, "lambda": 0.1, "L": 3, "limits": "soft"})
