from itertools import pairwise

import pytest

from concord.quality.unitizing import Continuum, Span, disagreements, unitizing_alpha

# Krippendorff 2004, Quality & Quantity 38:787, the worked example; the continuum begins at 150 there.
FIRST: list[Span] = [(75, 145, "c"), (220, 250, "c"), (30, 90, "k"), (150, 200, "k")]
SECOND: list[Span] = [(70, 150, "c"), (205, 225, "c"), (250, 270, "c"), (30, 90, "k"), (150, 200, "k")]


def test_the_published_example() -> None:
    text = Continuum(300, {"i": FIRST, "j": SECOND})
    assert disagreements(text, "c") == pytest.approx((0.0144, 0.0532), abs=5e-5)
    assert disagreements(text, "k") == pytest.approx((0.0, 0.0490), abs=5e-5)
    assert unitizing_alpha(text).value == pytest.approx(0.8587, abs=5e-5)


def by_definition(spans: list[tuple[int, int]], others: list[tuple[int, int]], length: int) -> float:
    """Observed disagreement of two annotators, section by section."""

    def sections(marked: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        edges = [0, *(edge for span in marked for edge in span), length]
        cut = [(a, b, i % 2) for i, (a, b) in enumerate(pairwise(edges))]
        return [section for section in cut if section[0] < section[1]]

    def delta(u: tuple[int, int, int], v: tuple[int, int, int]) -> int:
        if u[2] and v[2]:
            return (u[0] - v[0]) ** 2 + (u[1] - v[1]) ** 2 if u[0] < v[1] and v[0] < u[1] else 0
        if u[2] and v[0] <= u[0] and u[1] <= v[1]:
            return (u[1] - u[0]) ** 2
        if v[2] and u[0] <= v[0] and v[1] <= u[1]:
            return (v[1] - v[0]) ** 2
        return 0

    first, second = sections(spans), sections(others)
    both = sum(delta(u, v) + delta(v, u) for u in first for v in second)
    return both / (2 * length**2)


@pytest.mark.parametrize(
    ("spans", "others"),
    [([(2, 5)], []), ([(2, 5)], [(4, 9)]), ([(0, 3), (3, 6)], [(1, 5)]), ([(0, 20)], [(0, 2), (18, 20)])],
)
def test_the_observed_disagreement_is_the_sum_over_sections(
    spans: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    text = Continuum(20, {"i": [(*s, "x") for s in spans], "j": [(*s, "x") for s in others]})
    assert disagreements(text, "x")[0] == pytest.approx(by_definition(spans, others, 20), abs=1e-12)


def test_equal_spans_agree_perfectly() -> None:
    texts = [
        Continuum(50, {"i": [(3, 9, "x")], "j": [(3, 9, "x")]}),
        Continuum(80, {"i": [(7, 8, "y")], "j": [(7, 8, "y")]}),
    ]
    estimate = unitizing_alpha(texts)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(0.025 ** (1 / 2))
    assert estimate.units == 2


def test_spans_apart_agree_less_than_spans_that_overlap() -> None:
    near = unitizing_alpha(Continuum(100, {"i": [(10, 20, "x")], "j": [(12, 22, "x")]})).value
    far = unitizing_alpha(Continuum(100, {"i": [(10, 20, "x")], "j": [(70, 80, "x")]})).value
    named = unitizing_alpha(Continuum(100, {"i": [(10, 20, "x")], "j": [(10, 20, "y")]})).value
    assert near is not None
    assert far is not None
    assert named is not None
    assert near > 0.9
    assert near > far
    assert named < near


def test_several_continua_are_one_laid_end_to_end() -> None:
    apart = unitizing_alpha([Continuum(300, {"i": FIRST, "j": SECOND}), Continuum(100, {"i": [(5, 9, "c")], "j": []})])
    joined = unitizing_alpha(Continuum(400, {"i": [*FIRST, (305, 309, "c")], "j": SECOND}))
    assert apart.value == pytest.approx(joined.value, abs=1e-12)
    assert apart.low is not None
    assert joined.low is None


def test_without_spans_or_annotators_it_is_not_defined() -> None:
    assert unitizing_alpha(Continuum(10, {"i": [], "j": []})).reason == "nobody marked a span"
    assert unitizing_alpha(Continuum(10, {"i": [(1, 2, "x")]})).value is None
    assert unitizing_alpha([]).value is None
    lone = unitizing_alpha([Continuum(10, {"i": [(1, 2, "x")], "j": []}), Continuum(10, {"i": [], "j": []})])
    assert lone.value is not None
    assert "all spans lie in one continuum" in lone.reason


def test_spans_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"i: span 8\.\.12 of 'x' does not lie in 0\.\.10"):
        Continuum(10, {"i": [(8, 12, "x")]})
    with pytest.raises(ValueError, match="overlap at 3"):
        Continuum(10, {"i": [(1, 4, "x"), (3, 6, "x")]})
    with pytest.raises(ValueError, match="length of 1 or more"):
        Continuum(0, {})
    with pytest.raises(ValueError, match="same annotators"):
        unitizing_alpha([Continuum(10, {"i": [], "j": []}), Continuum(10, {"i": []})])


def test_spans_of_other_labels_may_overlap() -> None:
    assert Continuum(10, {"i": [(1, 4, "x"), (3, 6, "y")]}).length == 10
