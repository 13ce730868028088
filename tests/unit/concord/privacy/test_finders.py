"""Whatever finds personal data keeps the promises of the port: ours, Presidio's where it is installed, and both."""

import importlib.util
from collections.abc import Callable
from itertools import pairwise

import pytest

from concord.privacy.finding import Finder, Finds, Rules, Together
from concord.privacy.listed import hashed
from concord.privacy.presidio import NotInstalled, plain, presidio

KEY = b"of one project"
WHOLE = frozenset({"email", "url", "iban", "card", "ip", "mac", "date", "phone"})
SAMPLES = {
    "email": ("ada@example.org", "Ada@Example.org"),
    "url": ("https://example.org/ada", "https://example.org/ada"),
    "iban": ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
    "card": ("4111111111111111", "4111 1111 1111 1111"),
    "ip": ("203.0.113.77", "203.0.113.77"),
    "phone": ("+49 30 901820", "+49 (30) 901820"),
}
"""Of each kind two ways to write one value."""
MISSING = "the extra is not installed: pip install 'concord[presidio]'"
IS_THERE = importlib.util.find_spec("presidio_analyzer") is not None
Make = Callable[[Rules], Finds]


def together(rules: Rules) -> Finds:
    return Together(Finder(rules), presidio()(rules))


@pytest.fixture(
    params=[
        "ours",
        pytest.param("presidio", marks=pytest.mark.skipif(not IS_THERE, reason=MISSING)),
        pytest.param("together", marks=pytest.mark.skipif(not IS_THERE, reason=MISSING)),
    ]
)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "presidio":
        return presidio()
    return Finder if request.param == "ours" else together


def test_a_value_is_found_whole_where_it_stands_and_is_one_however_it_is_written(make: Make) -> None:
    finder = make(Rules(WHOLE))
    for kind, ways in SAMPLES.items():
        values = set()
        for way in ways:
            text = f"So \U0001f600 said: {way} , as ever"
            start = text.index(way)
            found = [entry for entry in finder.find(text) if entry.kind == kind]
            assert [(entry.start, entry.end) for entry in found] == [(start, start + len(way))], (kind, way)
            values.add(found[0].value)
        assert len(values) == 1, (kind, values)


def test_what_is_found_is_in_order_and_never_twice(make: Make) -> None:
    finder = make(Rules(WHOLE | {"national_id", "vat", "bic"}, regions=("US", "DE")))
    text = " ; ".join(way for ways in SAMPLES.values() for way in ways) * 3
    found = finder.find(text)
    assert len(found) >= 3 * len(SAMPLES)
    assert all(0 <= entry.start < entry.end <= len(text) and entry.value for entry in found)
    assert all(entry.end <= other.start for entry, other in pairwise(found))


def test_only_what_was_asked_for_is_found_and_nothing_in_nothing(make: Make) -> None:
    text = " ; ".join(way for ways in SAMPLES.values() for way in ways)
    assert {found.kind for found in make(Rules(frozenset({"card"}))).find(text)} == {"card"}
    assert list(make(Rules(WHOLE)).find("")) == []
    assert list(make(Rules(WHOLE)).find("Nothing of anybody, 17 of 40.")) == []
    assert list(make(Rules(frozenset())).find(text)) == []


@pytest.mark.skipif(not IS_THERE, reason=MISSING)
def test_beside_ours_a_name_of_the_list_stays_a_name_and_a_value_the_value_that_ours_gives() -> None:
    rules = Rules(WHOLE | {"name"}, (hashed(KEY, "Canary Birdsong"),), KEY)
    text = "Canary Birdsong, ada@example.org, 4111 1111 1111 1111"
    assert together(rules).find(text) == Finder(rules).find(text)


@pytest.mark.skipif(IS_THERE, reason="the extra is installed")
def test_without_the_extra_who_asks_for_it_is_told_what_to_install() -> None:
    with pytest.raises(NotInstalled, match=r"pip install 'concord\[presidio\]'"):
        presidio()


@pytest.mark.skipif(not IS_THERE, reason=MISSING)
def test_a_model_that_is_not_installed_is_refused_and_not_fetched() -> None:
    with pytest.raises(NotInstalled, match="xx_no_such_model"):
        presidio("en", "xx_no_such_model")


def test_a_value_that_ours_do_not_know_is_one_however_it_is_parted() -> None:
    assert plain("AB 12-34") == plain("ab1234")


def test_what_stands_beside_ours_finds_more_and_takes_nothing_away() -> None:
    beside = Finder(Rules(frozenset({"name"}), (hashed(KEY, "Zoë Kern"),), KEY))
    both = Together(Finder(Rules(frozenset({"email"}))), beside)
    text = "Zoë Kern <zoë.kern@example.org>"
    assert [(found.kind, text[found.start : found.end]) for found in both.find(text)] == [
        ("name", "Zoë Kern"),
        ("email", "zoë.kern@example.org"),
    ]
