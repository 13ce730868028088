from typing import Any

import pytest

from concord.labels import ClassedSchema, Json, LabelFault, SchemaFault, Vote, schema_from
from concord.labels.taxonomy import LEVELS_MAX

NODES: list[Json] = [
    {"id": "animal", "title": "Animals"},
    {"id": "dog", "parent": "animal"},
    {"id": "cat", "parent": "animal"},
    {"id": "siamese", "parent": "cat"},
    {"id": "car"},
]


NO_PATH = (
    "this is not the path to 'siamese'; send the path from the top, 'animal', 'cat', 'siamese', or the last id alone"
)


def taxonomy(**more: Any) -> Any:
    return schema_from({"kind": "taxonomy", "nodes": NODES, **more})


def test_labels_are_leaves_unless_inner_nodes_are_declared() -> None:
    assert taxonomy().classes == ("dog", "siamese", "car")
    assert taxonomy(inner=True).classes == ("animal", "dog", "cat", "siamese", "car")
    assert isinstance(taxonomy(), ClassedSchema)


def test_a_path_is_the_label_of_its_last_node() -> None:
    assert taxonomy().canonical(["animal", "cat", "siamese"]) == taxonomy().canonical("siamese") == "siamese"


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        ("cat", "$: 'cat' has classes under it; use one of them: 'siamese'"),
        (["animal", "cat"], "$[1]: 'cat' has classes under it; use one of them: 'siamese'"),
        ("horse", "$: 'horse' is no class of this project; use one of 'animal', 'dog', 'cat', 'siamese', 'car'"),
        (["animal", "siamese"], f"$[1]: {NO_PATH}"),
        (["siamese"], f"$[0]: {NO_PATH}"),
        (["animal", "cat", "siamese", "siamese"], f"$[3]: {NO_PATH}"),
        ([], "$: a list of 0 is not allowed; send from 1 to 30"),
        (3, "$: 3 is not a string; send a string"),
    ],
)  # fmt: skip
def test_what_names_no_label_is_refused(label: Json, fault: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        taxonomy().canonical(label)
    assert str(refusal.value) == fault


@pytest.mark.parametrize(
    ("nodes", "fault"),
    [
        ([{"id": "a"}], "$.nodes: a list of 1 is not allowed; send from 2 to 1000"),
        ([{"id": "a"}, {"id": "b", "parent": "a"}], "$.nodes: there is one class to choose"),
        ([{"id": "a"}, {"id": "a"}], "$.nodes[1].id: 'a' stands before already; name each node once"),
        ([{"id": "a", "parent": "b"}, {"id": "b"}], "$.nodes[0].parent: 'b' is no node that stands before"),
        ([{"id": "a", "parent": "a"}, {"id": "b"}], "$.nodes[0].parent: 'a' is no node that stands before"),
        ([{"id": " a"}, {"id": "b"}], "$.nodes[0].id: ' a' is no class name; use printable text, no blanks around"),
        ([{"id": "a"}, {"title": "b"}], "$.nodes[1].id: this field is missing; give it"),
        ([{"id": "a"}, {"id": "b", "x": 1}], "$.nodes[1]: there is no field 'x' here; use only id, title, parent"),
        ([{"id": "a", "title": 3}, {"id": "b"}], "$.nodes[0].title: 3 is not a string; send a string"),
        ([{"id": str(each)} for each in range(1_001)], "$.nodes: a list of 1001 is not allowed; send from 2 to 1000"),
    ],
)  # fmt: skip
def test_a_tree_that_is_none_is_refused_with_its_node(nodes: Json, fault: str) -> None:
    with pytest.raises(SchemaFault) as refusal:
        schema_from({"kind": "taxonomy", "nodes": nodes})
    assert str(refusal.value).startswith(fault)


def test_levels_are_bounded() -> None:
    def chain(levels: int) -> Json:
        names: list[Json] = [
            {"id": f"n{level}", "parent": f"n{level - 1}" if level else None} for level in range(levels)
        ]
        return {"kind": "taxonomy", "nodes": names, "inner": True}

    assert schema_from(chain(LEVELS_MAX)).canonical("n29") == "n29"
    with pytest.raises(SchemaFault, match=r"\$\.nodes\[30\]: it is on level 31; use at most 30 levels"):
        schema_from(chain(LEVELS_MAX + 1))


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("dog", "dog", 0), ("dog", "cat", 1 / 2), ("dog", "siamese", 3 / 5), ("cat", "siamese", 1 / 5), ("dog", "car", 1),
     ("animal", "car", 1), ("animal", "siamese", 1 / 2)],
)  # fmt: skip
def test_the_distance_is_by_the_way_that_two_nodes_share(one: str, other: str, far: float) -> None:
    schema = taxonomy(inner=True)
    assert schema.distance(one, other) == schema.distance(other, one) == pytest.approx(far)


def test_near_nodes_say_the_same_only_within_a_tolerance() -> None:
    assert not taxonomy(inner=True).says_same("cat", "siamese")
    assert taxonomy(inner=True, tolerance=0.2).says_same("cat", "siamese")
    assert not taxonomy(inner=True, tolerance=0.2).says_same("dog", "siamese")


def test_the_heaviest_node_wins_and_near_ones_do_not_stand_behind_it() -> None:
    found = taxonomy().merge([Vote("dog"), Vote("dog"), Vote("siamese")])
    assert (found.label, found.support) == ("dog", pytest.approx(2 / 3))


@pytest.mark.parametrize(("tied", "reason"), [("siamese", "; all are animal"), ("car", "")])
def test_a_tie_is_escalated_and_says_what_is_agreed(tied: str, reason: str) -> None:
    found = taxonomy().merge([Vote(tied), Vote("dog")])
    assert found.label is None
    assert found.reason == f"these classes tie: dog, {tied}{reason}"
