import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from concord.quality.unitizing import Continuum, Span, unitizing_alpha

few = settings(max_examples=40)
LENGTH = 40


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Spans of two labels, those of one label apart from each other."""
    marked: list[Span] = []
    for label in ("x", "y"):
        edges = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=6)))
        marked += [(begin, end, label) for begin, end in zip(edges[::2], edges[1::2], strict=False)]
    return marked


TEXTS = st.lists(st.tuples(spans(), spans(), spans()), min_size=1, max_size=4)
Text = tuple[list[Span], list[Span], list[Span]]


def continua(texts: list[Text]) -> list[Continuum]:
    return [Continuum(LENGTH, dict(zip("abc", text, strict=True))) for text in texts]


@few
@given(TEXTS)
def test_who_is_called_what_does_not_matter(texts: list[Text]) -> None:
    turned = [(third, first, second) for first, second, third in texts]
    ours, theirs = unitizing_alpha(continua(texts)), unitizing_alpha(continua(turned))
    assert theirs.value == pytest.approx(ours.value, abs=1e-12)
    assert theirs.low == pytest.approx(ours.low, abs=1e-9)


@few
@given(TEXTS)
def test_reading_backwards_does_not_matter(texts: list[Text]) -> None:
    mirrored: list[Text] = [
        tuple([(LENGTH - end, LENGTH - begin, label) for begin, end, label in marked] for marked in text)  # type: ignore[misc] # three again
        for text in texts
    ]
    forwards = unitizing_alpha(continua(texts)).value
    backwards = unitizing_alpha(continua(mirrored[::-1])).value
    assert backwards == pytest.approx(forwards, abs=1e-12)


@few
@example([(0, LENGTH, "x")])
@given(spans())
def test_equal_spans_are_perfect_agreement_unless_there_are_none(marked: list[Span]) -> None:
    estimate = unitizing_alpha(Continuum(LENGTH, {"a": marked, "b": marked}))
    assert estimate.value == (1.0 if marked else None)
