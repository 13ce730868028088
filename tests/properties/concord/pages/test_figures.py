"""What is read of a figure and of its limit never says otherwise than the two themselves."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from cli.annotators import beside
from concord.client.models import Estimate
from concord.pages.figures import DIGITS_MAX, at_most, digits_apart
from concord.quality.estimate import Estimate as Found
from services.metrics.domain.targets import Target, TargetStanding
from services.metrics.page.document import MEASURES, _targets

NEAR = st.sampled_from([0.0, 1e-6, -1e-6, 4e-5, -4e-5, 0.0004, -0.0004, 0.004, -0.004, 0.04, -0.04])
LIMITS = st.sampled_from([0.95, 0.8, 0.805, 0.8049, 0.02, 0.0204, 1 / 3, 0.5])


def sign(number: float) -> int:
    return (number > 0) - (number < 0)


def read(text: str) -> float:
    return float(text.split("\N{NO-BREAK SPACE}", maxsplit=1)[0].replace(",", ""))


def figures(limit: float, offs: list[float]) -> Iterator[float]:
    return (min(1.0, max(0.0, limit + off)) for off in offs)


@given(limit=LIMITS, offs=st.lists(NEAR, min_size=1, max_size=3), name=st.sampled_from(["alpha", "audit_pass_rate"]))
def test_all_that_is_written_beside_a_limit_stands_to_it_as_it_is(limit: float, offs: list[float], name: str) -> None:
    _, written, least = MEASURES[name]
    found = list(figures(limit, offs))
    digits = digits_apart(written, found, limit, least)
    assert least <= digits <= DIGITS_MAX
    for figure in found:
        assert sign(read(written(figure, digits)) - read(written(limit, digits))) == sign(figure - limit)


@given(limit=LIMITS, off=NEAR)
def test_the_command_says_the_same(limit: float, off: float) -> None:
    (figure,) = figures(limit, [off])
    shown, target = beside(Estimate(figure, None, None, 9, "", ""), limit)
    assert sign(float(shown) - float(target)) == sign(figure - limit)


@given(figure=st.floats(0, 1), digits=st.integers(0, 6))
def test_what_is_promised_to_be_the_most_is_no_less_than_what_was_found(figure: float, digits: int) -> None:
    assert figure - 1e-9 <= at_most(figure, digits) <= figure + 10.0**-digits


def test_an_interval_whose_end_just_misses_its_target_is_not_shown_as_reaching_it() -> None:
    missed = Target("audit_pass_rate", 0.95, Found(0.6, 0.15, 0.94996, 40, "", ""), True, 5)
    assert missed.standing == "missed"
    page = _targets([(missed, TargetStanding())])
    space = "\N{NO-BREAK SPACE}"
    assert f"at least 95{space}%" in page
    assert f"15{space}% to 94.996{space}%" in page
