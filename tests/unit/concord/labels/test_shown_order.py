"""The order in which somebody sees what a label chooses between: their own, repeatable, and even in the long run."""

from collections import Counter
from itertools import permutations

from concord.labels import Json
from concord.labels.kinds import schema_from
from concord.labels.shown_order import shown_orders, stood_first

ITEMS: list[Json] = ["x", "y", "z"]
RANKING = schema_from({"kind": "ranking", "items": ITEMS})
PREFERENCE = schema_from({"kind": "preference"})
FORM = schema_from(
    {
        "kind": "form",
        "fields": [
            {"name": "better", "schema": {"kind": "preference"}},
            {"name": "ranked", "schema": {"kind": "ranking", "items": ITEMS}},
            {"name": "other", "schema": {"kind": "preference"}},
            {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}},
        ],
    }
)


def test_the_same_seed_shows_the_same_and_each_field_has_an_order_of_its_own() -> None:
    seeds = [f"secret/unit-{unit}" for unit in range(200)]
    assert [shown_orders(FORM, seed) for seed in seeds] == [shown_orders(FORM, seed) for seed in seeds]
    assert all(shown_orders(FORM, seed).keys() == {"better", "ranked", "other"} for seed in seeds)
    apart = [shown_orders(FORM, seed)["better"] != shown_orders(FORM, seed)["other"] for seed in seeds]
    assert 60 < sum(apart) < 140


def test_every_order_comes_as_often_as_any_other() -> None:
    seeds = [f"secret/unit-{unit}" for unit in range(6_000)]
    ranked = Counter(tuple(shown_orders(RANKING, seed)[""]) for seed in seeds)
    assert ranked.keys() == set(permutations(ITEMS))
    assert all(850 < count < 1_150 for count in ranked.values()), ranked
    sides = Counter(stood_first(PREFERENCE, seed)[""] for seed in seeds)
    assert sides.keys() == {"a", "b"}
    assert abs(sides["a"] - sides["b"]) < 400


def test_what_has_no_order_is_left_out() -> None:
    specs: list[dict[str, Json]] = [
        {"kind": "choice", "classes": ["yes", "no"]},
        {"kind": "text"},
        {"kind": "rating", "lowest": 1, "highest": 5},
    ]
    assert [shown_orders(schema_from(spec), "seed") for spec in specs] == [{}, {}, {}]
