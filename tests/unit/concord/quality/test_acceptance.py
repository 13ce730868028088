import pytest
from scipy.stats import hypergeom

from concord.quality.acceptance import zero_acceptance_size


@pytest.mark.parametrize(
    ("error_rate", "size"), [(0.05, 59), (0.034, 87), (0.02, 149), (0.01, 299)], ids=["5", "3.4", "2", "1 %"]
)
def test_published_zero_error_samples(error_rate: float, size: int) -> None:
    assert zero_acceptance_size(0.95, 1 - error_rate) == size


@pytest.mark.parametrize("lot_size", [7, 40, 200, 5000])
def test_smallest_clean_sample_of_a_lot(lot_size: int) -> None:
    size = zero_acceptance_size(0.95, 0.95, lot_size)
    wrong = max(1, -(-lot_size * 5 // 100))
    assert hypergeom.cdf(0, lot_size, wrong, size) <= 0.05 + 1e-12
    assert hypergeom.cdf(0, lot_size, wrong, size - 1) > 0.05
    assert size <= min(lot_size, zero_acceptance_size(0.95, 0.95))


def test_certainty_is_refused() -> None:
    with pytest.raises(ValueError, match="strictly"):
        zero_acceptance_size(1.0, 0.95)
