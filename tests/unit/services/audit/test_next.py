"""What to label next: a share at random from all, then what is least known, the same again until it comes in."""

from collections import Counter

from services.audit.domain.feedback import Waiting, chosen, moved
from services.audit.domain.output import Output


def waiting(count: int, label: str = '"a"', *, first: int = 0, otherwise: bool = False) -> list[Waiting]:
    """Return outputs, each surer than the one before."""
    return [
        Waiting(
            Output("k1-p", "k1-maa1", f"k1-uaa{number:04}", f"e{number}", label, 0, 0.5 + number / 2_000), otherwise
        )
        for number in range(first, first + count)
    ]


def test_the_random_share_is_drawn_from_all_as_good_as_by_chance() -> None:
    drawn = Counter[str]()
    for secret in range(400):
        for entry in chosen(waiting(50), frozenset(), 10, 0.5, str(secret).encode()):
            if entry.reasons == ("random",):
                drawn[entry.output.event_id] += 1
    assert sum(drawn.values()) == 400 * 5
    assert len(drawn) == 50
    assert max(drawn.values()) < 75, "forty each, on average"


def test_reasons_take_turns_and_in_each_the_least_sure_comes_first() -> None:
    rows = [*waiting(20), *waiting(20, '"b"', first=100), *waiting(20, first=200, otherwise=True)]
    found = chosen(rows, frozenset({'"b"'}), 9, 0.0, b"s")
    by_reason: dict[str, list[str]] = {}
    for entry in found:
        by_reason.setdefault("+".join(entry.reasons), []).append(entry.output.event_id)
    assert by_reason == {
        "disagreeing": ["e200", "e201", "e202"],
        "drifted": ["e100", "e101", "e102"],
        "uncertain": ["e0", "e1", "e2"],
    }


def test_no_more_are_chosen_than_wait_and_none_twice() -> None:
    found = chosen(waiting(7, otherwise=True), frozenset({'"a"'}), 100, 0.3, b"s")
    assert len(found) == len({entry.output.unit_id for entry in found}) == 7
    assert chosen([], frozenset(), 10, 0.5, b"s") == []


def test_a_label_has_risen_where_chance_does_not_explain_it() -> None:
    before = ['"a"'] * 450 + ['"b"'] * 50
    now = ['"a"'] * 150 + ['"b"'] * 100
    assert moved(before, now).classes == {'"b"'}
    assert moved(before, ['"a"'] * 225 + ['"b"'] * 25).classes == frozenset()
    few = moved(before[:5], now[:5])
    assert few.classes == frozenset()
    assert few.stability.reason
    assert moved([], []).classes == frozenset()
