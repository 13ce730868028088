"""Changes of a schema: what is mapped is taken, what is not is refused with its place and cure."""

from typing import Any

import pytest

from concord.labels import schema_from
from concord.labels.schema_change import ChangeRefused, ClassChange, SchemaChange, changed
from concord.labels.versions import Versions


def choice(*classes: str) -> dict[str, Any]:
    return {"kind": "choice", "classes": list(classes)}


def tree(*nodes: str) -> dict[str, Any]:
    """Return a tree of nodes, each written as `parent/node` or `node`."""
    split = [node.rpartition("/") for node in nodes]
    return {"kind": "taxonomy", "nodes": [{"id": name, "parent": parent or None} for parent, _, name in split]}


def form(*fields: tuple[str, dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "form", "fields": [{"name": name, "schema": schema, **more} for name, schema, more in fields]}


def after(known: Versions | dict[str, Any], wanted: dict[str, Any], **change: Any) -> Versions:
    versions = known if isinstance(known, Versions) else Versions(schema_from(known))
    found = changed(versions, schema_from(wanted), SchemaChange(**change))
    assert found is not None
    return Versions(schema_from(found.whole), (*versions.steps, *found.steps))


def refused(known: Versions | dict[str, Any], wanted: dict[str, Any], **change: Any) -> list[str]:
    with pytest.raises(ChangeRefused) as refusal:
        after(known, wanted, **change)
    assert all(fault.cure for fault in refusal.value.faults)
    return [fault.field for fault in refusal.value.faults]


def test_the_same_classes_in_another_order_are_no_change() -> None:
    assert changed(Versions(schema_from(choice("a", "b"))), schema_from(choice("b", "a")), SchemaChange()) is None


def test_a_class_that_vanishes_without_a_word_is_refused() -> None:
    assert refused(choice("a", "b", "c"), choice("a", "b")) == ["label_schema.classes"]


def test_another_kind_is_no_mapping() -> None:
    assert refused(choice("a", "b"), {"kind": "choices", "classes": ["a", "b"]}) == ["label_schema.kind"]


def test_another_bound_is_no_mapping() -> None:
    rating = {"kind": "rating", "lowest": 1, "highest": 5}
    assert refused(rating, rating | {"highest": 7}) == ["label_schema"]


@pytest.mark.parametrize(
    ("wanted", "change", "field"),
    [
        (choice("a", "x"), {"rename": {"z": "x"}}, "schema_change.rename.z"),
        (choice("a", "x"), {"rename": {"b": "a"}}, "schema_change.rename.b"),
        (choice("a", "x"), {"rename": {"b": "y"}}, "schema_change.rename.b"),
        (choice("a", "x"), {"merge": {"b": "y"}}, "schema_change.merge.b"),
        (choice("a", "x"), {"split": {"b": ("x",)}}, "schema_change.split.b"),
        (choice("a", "b", "x"), {"split": {"b": ("b", "x")}}, "schema_change.split.b"),
        (choice("a", "x"), {"retire": ("z",)}, "schema_change.retire"),
        (choice("a", "x"), {"retire": ("b",), "rename": {"b": "x"}}, "schema_change.retire"),
        (choice("a", "x"), {"fields": {"tone": ClassChange(retire=("b",))}}, "schema_change.fields"),
    ],
)
def test_a_change_that_says_what_cannot_be_is_refused_where_it_says_so(
    wanted: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    assert refused(choice("a", "b"), wanted, **change)[0] == field


def test_a_name_stands_for_one_class_for_ever() -> None:
    retired = after(choice("a", "b", "c"), choice("a", "b"), retire=("c",))
    assert refused(retired, choice("a", "b", "c")) == ["label_schema.classes"]
    assert refused(retired, choice("a", "c"), rename={"b": "c"}) == ["schema_change.rename.b"]


def test_a_class_may_be_given_back_a_name_that_it_had() -> None:
    renamed = after(choice("a", "b"), choice("a", "x"), rename={"b": "x"})
    back = after(renamed, choice("a", "b"), rename={"x": "b"})
    assert (back.read("b"), back.read("x")) == ("b", "b")


def test_labels_of_a_class_that_is_split_say_one_of_its_parts_until_these_are_one() -> None:
    split = after(choice("dog", "cat"), choice("cat", "puppy", "hound"), split={"dog": ("puppy", "hound")})
    assert split.read("dog") is None
    assert after(split, choice("cat", "puppy"), merge={"hound": "puppy"}).read("dog") == "puppy"


def test_regions_that_a_merge_makes_the_same_are_one() -> None:
    spans = {"kind": "spans", "classes": ["city", "country", "person"]}
    merged = after(
        spans, {"kind": "spans", "classes": ["person", "place"]}, merge={"city": "place", "country": "place"}
    )
    drawn: list[Any] = [{"start": 0, "end": 4, "class": name} for name in ("city", "country")]
    assert merged.read({"spans": drawn}) == {"spans": [{"start": 0, "end": 4, "class": "place"}]}


def test_a_node_with_labels_takes_no_children_and_does_not_lose_all_it_has() -> None:
    known = tree("animal", "animal/dog", "animal/cat", "car")
    assert refused(known, tree("animal", "animal/dog", "animal/cat", "car", "dog/puppy")) == ["label_schema.nodes"]
    assert refused(known, tree("animal", "car"), retire=("dog", "cat")) == ["label_schema.nodes"]
    grown = after(known, tree("animal", "animal/dog", "animal/cat", "car", "animal/cow"), retire=())
    assert grown.offered().classes == ("dog", "cat", "car", "cow")  # type: ignore[attr-defined]  # a taxonomy's


def test_a_node_stands_where_it_stood_and_its_labels_move_by_a_merge_into_another() -> None:
    known = tree("animal", "thing", "animal/dog", "animal/cat", "thing/car")
    moved = tree("animal", "thing", "thing/dog", "animal/cat", "thing/car")
    with pytest.raises(ChangeRefused) as refusal:
        changed(Versions(schema_from(known)), schema_from(moved), SchemaChange())
    (fault,) = refusal.value.faults
    assert (fault.field, fault.problem[:12]) == ("label_schema.nodes", "moves 'dog',")
    assert "another id" in fault.cure
    cured = tree("animal", "thing", "animal/cat", "thing/car", "thing/hound")
    assert after(known, cured, merge={"dog": "hound"}).read("dog") == "hound"
    branch = tree("thing", "thing/car", "thing/beast", "beast/hound", "beast/puss")
    below = {"dog": "hound", "cat": "puss", "animal": "beast"}
    assert after(known, branch, merge=below).read("cat") == "puss", "a node with others below moves with each of them"


def test_a_field_that_becomes_a_tree_is_another_field() -> None:
    known, wanted = (form(("what", schema, {})) for schema in (choice("dog", "cat"), tree("dog", "cat")))
    assert refused(known, wanted) == ["label_schema"]


ASKED = {"field": "toxic", "is": ["yes"]}
TOXIC = form(
    ("toxic", choice("yes", "no"), {}),
    ("tone", choice("rude", "kind", "dry"), {}),
    ("why", {"kind": "text"}, {"when": ASKED}),
)


def test_fields_are_added_renamed_and_retired_and_labels_read_through_all_of_it() -> None:
    wanted = form(
        ("harmful", choice("yes", "no", "very"), {}),
        ("why", {"kind": "text"}, {"when": {"field": "harmful", "is": ["yes", "very"]}}),
        ("note", {"kind": "text"}, {"required": False}),
    )
    found = after(TOXIC, wanted, rename_fields={"toxic": "harmful"}, retire_fields=("tone",))
    old: Any = {"answers": {"toxic": "yes", "tone": "rude", "why": "an insult"}}
    assert found.read(old) == {"answers": {"harmful": "yes", "tone": "rude", "why": "an insult"}}
    assert found.weighed(old) == {"answers": {"harmful": "yes", "why": "an insult"}}
    assert found.offered(1) == schema_from(TOXIC), "to the word: what was required is required there"
    assert found.offered() == schema_from(wanted)
    assert found.schema.merge([]) is not None, "the whole schema is one"


@pytest.mark.parametrize(
    ("wanted", "change", "field"),
    [
        (TOXIC["fields"][:1], {"retire_fields": ("tone",)}, "label_schema.fields"),
        ([*TOXIC["fields"], {"name": "new", "schema": {"kind": "text"}}], {}, "label_schema.fields"),
        (TOXIC["fields"], {"retire": ("rude",)}, "schema_change"),
        (TOXIC["fields"][:2], {"retire_fields": ("why", "mood")}, "schema_change.retire_fields"),
        (
            [TOXIC["fields"][0] | {"schema": choice("no", "si")}, TOXIC["fields"][1]],
            {"retire_fields": ("why",)},
            "label_schema.fields.toxic.classes",
        ),
    ],
)
def test_a_form_is_changed_field_by_field_or_refused(
    wanted: list[dict[str, Any]], change: dict[str, Any], field: str
) -> None:
    spare = {"name": "spare", "schema": {"kind": "text"}, "required": False}
    assert refused(TOXIC, {"kind": "form", "fields": [*wanted, spare]}, **change)[0] == field


def test_classes_that_ask_different_fields_are_not_merged() -> None:
    wanted = form(
        ("toxic", choice("no", "maybe"), {}),
        ("tone", choice("rude", "kind", "dry"), {}),
    )
    change = {"fields": {"toxic": ClassChange(merge={"yes": "no"})}, "retire_fields": ("why",)}
    assert refused(TOXIC, wanted, **change)[0] == "schema_change.fields.toxic.merge.yes"
