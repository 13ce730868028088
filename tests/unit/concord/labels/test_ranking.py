from itertools import permutations

import pytest
from scipy.stats import kendalltau

from concord.labels import Json, LabelFault, SchemaFault, Vote
from concord.labels.ranking import RANKED_MAX, Ranking

FOUR = Ranking(tuple("wxyz"))
ELEVEN = Ranking(tuple("abcdefghijk"))


def _votes(*ranked: str) -> list[Vote]:
    return [Vote([*each]) for each in ranked]


def test_the_distance_is_kendalls_tau_on_a_scale_from_0_to_1() -> None:
    for permutation in permutations("wxyz"):
        places = [permutation.index(each) for each in "wxyz"]
        tau = kendalltau(places, [0, 1, 2, 3]).statistic
        assert FOUR.distance([*permutation], [*"wxyz"]) == pytest.approx((1 - tau) / 2)


def test_kemeny_finds_the_ranking_with_the_least_distance() -> None:
    ranked = {"wxyz": 1.0, "xwyz": 1.1, "zwxy": 1.2, "wzxy": 1.3, "yzwx": 0.5}
    votes = [Vote([*each], weight) for each, weight in ranked.items()]
    merged = FOUR.merge(votes)
    costs = {
        order: sum(vote.weight * FOUR.distance(vote.label, [*order]) for vote in votes)
        for order in permutations("wxyz")
    }
    assert merged.label == [*min(costs, key=lambda order: costs[order])]
    assert merged.support == pytest.approx(1 - min(costs.values()) / 5.1)


def test_a_circle_of_preferences_is_escalated() -> None:
    merged = FOUR.merge(_votes("wxyz", "xywz", "ywxz"))
    assert merged.label is None
    assert "Kemeny" in merged.reason


def test_a_condorcet_winner_comes_first_though_bordas_points_say_otherwise() -> None:
    three = Ranking(tuple("xyz"))
    assert three.merge(_votes("xyz", "xyz", "xyz", "yzx", "yzx")).label == [*"xyz"]


def test_many_items_are_ranked_by_borda() -> None:
    merged = ELEVEN.merge(_votes("abcdefghijk", "abcdefghikj", "abcdefghijk"))
    assert merged.label == [*"abcdefghijk"]
    assert "Borda" in merged.reason
    assert merged.support == pytest.approx(1 - 1 / 165)
    assert ELEVEN.merge(_votes("abcdefghijk", "abcdefghikj")).label is None


@pytest.mark.parametrize(
    ("wrong", "path"),
    [([*"wxy"], "$"), ([*"wxyy"], "$[3]"), ([*"wxyq"], "$[3]"), ("wxyz", "$"), ([1, 2, 3, 4], "$[0]"), (None, "$")],
)
def test_a_wrong_ranking_is_refused_with_its_path(wrong: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        FOUR.canonical(wrong)
    assert refusal.value.path == path


def test_too_many_items_are_refused() -> None:
    with pytest.raises(SchemaFault):
        Ranking(tuple(str(each) for each in range(RANKED_MAX + 1)))
