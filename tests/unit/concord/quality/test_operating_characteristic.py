import numpy as np
import pytest

from concord.quality import operating_characteristic as oc


def test_quality_at_acceptance_inverts_the_characteristic() -> None:
    wanted = np.array([0.99, 0.95, 0.5, 0.1, 0.01])
    rates = oc.quality_at_acceptance(125, 3, wanted)
    assert oc.oc_binomial(125, 3, rates) == pytest.approx(wanted, abs=1e-10)


def test_montgomery_outgoing_quality() -> None:
    assert float(oc.average_outgoing_quality(89, 2, 0.01, 10_000)) == pytest.approx(0.0093132668, abs=1e-9)
    assert float(oc.average_total_inspection(89, 2, 0.01, 10_000)) == pytest.approx(686.7332197, abs=1e-6)


@pytest.mark.parametrize(("n", "c", "lot_size"), [(89, 2, 10_000), (10, 0, None), (5, 4, None), (50, 10, 60)])
def test_outgoing_limit_is_the_top_of_the_curve(n: int, c: int, lot_size: int | None) -> None:
    limit = oc.average_outgoing_quality_limit(n, c, lot_size)
    grid = oc.average_outgoing_quality(n, c, np.linspace(0, 1, 20_001), lot_size)
    assert limit.aoql == pytest.approx(float(grid.max()), rel=1e-6)
    assert limit.aoql >= grid.max() * (1 - 1e-12)


def test_finite_lot_characteristic_tends_to_the_binomial() -> None:
    near = oc.oc_hypergeometric(10_000_000, 500_000, 80, 2)
    assert float(near) == pytest.approx(float(oc.oc_binomial(80, 2, 0.05)), abs=1e-5)


def test_impossible_rates_and_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="fraction"):
        oc.oc_binomial(80, 2, 5.0)
    with pytest.raises(ValueError, match="outside"):
        oc.oc_hypergeometric(50, 60, 10, 1)
    with pytest.raises(ValueError, match="does not fit"):
        oc.average_total_inspection(80, 2, 0.01, 50)
