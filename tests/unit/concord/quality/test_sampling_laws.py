"""The laws of what a sample holds are those of scipy.stats, in the middle, in the tails and beyond what can be."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from concord.quality.sampling_laws import (
    binomial_at_most,
    binomial_exactly,
    binomial_over,
    hypergeometric_at_most,
    hypergeometric_exactly,
    hypergeometric_over,
    poisson_at_most,
)

ROOT = Path(__file__).parents[4]
Law = Callable[..., Any]
BINOMIAL: list[tuple[Law, Law]] = [
    (binomial_exactly, stats.binom.pmf),
    (binomial_at_most, stats.binom.cdf),
    (binomial_over, stats.binom.sf),
]
HYPERGEOMETRIC: list[tuple[Law, Law]] = [
    (hypergeometric_exactly, stats.hypergeom.pmf),
    (hypergeometric_at_most, stats.hypergeom.cdf),
    (hypergeometric_over, stats.hypergeom.sf),
]


def close(known: Any) -> Any:
    """Return what is as good as equal to a chance of the library's, small ones in their own measure."""
    return pytest.approx(known, rel=1e-8, abs=1e-200)


@pytest.mark.parametrize(("ours", "known"), BINOMIAL)
@given(n=st.integers(1, 5_000), k=st.integers(-2, 5_002), p=st.just(0.0) | st.floats(1e-300, 1))
def test_binomial(ours: Law, known: Law, n: int, k: int, p: float) -> None:
    # Near the smallest float that there is the library has no answer.
    assert float(ours(k, n, p)) == close(float(known(k, n, p)))


@pytest.mark.parametrize(("ours", "known"), HYPERGEOMETRIC)
@given(data=st.data(), lot=st.integers(1, 20_000))
def test_hypergeometric(ours: Law, known: Law, data: st.DataObject, lot: int) -> None:
    n, wrong = data.draw(st.integers(0, min(lot, 2_000))), data.draw(st.integers(0, lot))
    k = data.draw(st.integers(-2, n + 2))
    assert float(ours(k, lot, wrong, n)) == close(float(known(k, lot, wrong, n)))


@given(k=st.integers(0, 500), mean=st.floats(0, 500))
def test_poisson(k: int, mean: float) -> None:
    assert float(poisson_at_most(k, mean)) == close(float(stats.poisson.cdf(k, mean)))


@pytest.mark.parametrize(("ours", "known"), HYPERGEOMETRIC)
def test_arrays_of_counts_and_of_lots_broadcast(ours: Law, known: Law) -> None:
    k, wrong = np.arange(-1, 5), np.array([[0], [7], [80]])
    assert ours(k, 100, wrong, 20) == close(known(k, 100, wrong, 20))


@pytest.mark.parametrize(("ours", "known"), BINOMIAL)
def test_arrays_of_counts_and_of_rates_broadcast(ours: Law, known: Law) -> None:
    k, rate = np.arange(-1, 5), np.array([[0.0], [0.3], [1.0]])
    assert ours(k, 4, rate) == close(known(k, 4, rate))


def test_no_service_loads_all_of_scipy() -> None:
    services = ", ".join(
        f"services.{name}.bootstrap" for name in ("ingest", "assign", "adjudicate", "audit", "metrics")
    )
    asked = f"import sys, {services}; print('scipy.stats' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
