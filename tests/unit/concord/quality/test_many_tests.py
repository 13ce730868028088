"""Many tests at once: the adjusted p-values are the published ones, and false findings are as rare as is said."""

import numpy as np
import pytest

from concord.quality.many_tests import benjamini_hochberg

PUBLISHED = (0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528)
"""With .7590 and 1.0: the fifteen of Benjamini and Hochberg 1995, section 4, of which four are found at .05."""


def test_four_of_the_fifteen_of_the_papers_example_are_found() -> None:
    adjusted = benjamini_hochberg([*PUBLISHED, 0.7590, 1.0])
    assert [value <= 0.05 for value in adjusted] == [True] * 4 + [False] * 11


def test_the_order_in_which_tests_come_changes_nothing() -> None:
    turned = benjamini_hochberg([*reversed(PUBLISHED)])
    assert [*reversed(turned)] == pytest.approx(benjamini_hochberg(PUBLISHED))


def test_of_what_is_found_among_many_the_false_are_as_rare_as_is_said() -> None:
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(400):
        nothing, something = rng.random(45), rng.beta(0.05, 5.0, 5)
        adjusted = benjamini_hochberg([*nothing.tolist(), *something.tolist()])
        found = [value < 0.1 for value in adjusted]
        shares.append(sum(found[:45]) / max(1, sum(found)))
    assert np.mean(shares) < 0.1


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg([0.5, float("nan")])
