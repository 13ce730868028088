"""What every store must do: one suite, asked of the store in memory and of a real one through both drivers."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from concord.chassis.store.port import DOCUMENT_BYTES_MAX, INSERT_DOCUMENTS_MAX, READ_IDS_MAX, Collection, Store
from concord.chassis.store.shape import UnstorableDocument

RECORDS = Collection("records", indexed=("aggregate", "tags"))
OpenStore = Callable[[], Store]


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    opened = open_store()
    await opened.prepare([RECORDS])
    return opened


async def everything(store: Store, only: list[str] | None = None) -> list[dict[str, Any]]:
    pages = [page async for page in store.stream("records", only)]
    return sorted((document for page in pages for document in page), key=lambda document: str(document["_id"]))


async def test_what_is_inserted_comes_back_as_it_was(store: Store) -> None:
    document: dict[str, Any] = {
        "_id": "k7q2/u-1/1",
        "text": "Grüße, 世界, a.b $c \x00 end",
        "empty": "",
        "small": -1,
        "large": 2**62,
        "lowest": -(2**63),
        "share": 0.1,
        "whole": 2.0,
        "yes": True,
        "no": False,
        "nothing": None,
        "bytes": bytes(range(256)),
        "no_bytes": b"",
        "list": ["a", 1, 1.5, True, None, b"\x00"],
        "no_list": [],
        "events": [{"id": "e1", "bytes": b"\xff", "headers": ["a", b"1"]}, {"id": "e2", "bytes": b"", "headers": []}],
        "state": {"open": True, "labels": {"yes": 3}},
    }
    assert await store.insert("records", [document]) == frozenset()
    found = (await store.get("records", [document["_id"]]))[document["_id"]]
    assert found == document
    assert list(found) == list(document)
    for key in ("yes", "whole", "share", "bytes"):
        assert type(found[key]) is type(document[key]), key


async def test_taken_ids_are_told_by_position_and_keep_what_they_had(store: Store) -> None:
    await store.insert("records", [{"_id": "b", "by": "first"}, {"_id": "d", "by": "first"}])
    taken = await store.insert("records", [{"_id": identifier, "by": "second"} for identifier in "abcde"])
    assert taken == {1, 3}
    assert {document["_id"]: document["by"] for document in await everything(store)} == {
        "a": "second", "b": "first", "c": "second", "d": "first", "e": "second",
    }  # fmt: skip


async def test_what_is_inserted_in_order_stops_at_the_first_taken_id(store: Store) -> None:
    assert await store.insert_in_order("records", []) == 0
    assert await store.insert_in_order("records", [{"_id": "c", "by": "first"}, {"_id": "d", "by": "first"}]) == 2
    assert await store.insert_in_order("records", [{"_id": name, "by": "second"} for name in "abcde"]) == 2
    assert await store.insert_in_order("records", [{"_id": name, "by": "third"} for name in "ef"]) == 2
    assert {document["_id"]: document["by"] for document in await everything(store)} == {
        "a": "second", "b": "second", "c": "first", "d": "first", "e": "third", "f": "third",
    }  # fmt: skip
    assert await store.insert_in_order("records", [{"_id": name, "by": "twice"} for name in "ggh"]) == 1
    assert set(await store.get("records", ["g", "h"])) == {"g"}
    assert await store.get("records", ["g", "h"], only=()) == {"g": {"_id": "g"}}


async def test_the_same_id_twice_in_one_insert_is_stored_once(store: Store) -> None:
    taken = await store.insert("records", [{"_id": "a", "n": 0}, {"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    assert len(taken) == 1
    (loser,) = taken
    assert loser in {0, 1}
    assert (await store.get("records", ["a"]))["a"]["n"] == 1 - loser


async def test_inserting_nothing_is_no_fault(store: Store) -> None:
    assert await store.insert("records", []) == frozenset()
    assert await store.get("records", []) == {}
    assert await store.find("records", "aggregate", []) == []
    assert await store.delete("records", []) == 0
    assert await store.count("records", "aggregate", "nothing") == 0


async def test_racing_inserts_of_many_have_one_winner_each(open_store: OpenStore, store: Store) -> None:
    ids = [f"a/{number:03}" for number in range(150)]
    handles = [open_store() for _ in range(6)]

    async def race(name: int, handle: Store) -> list[str]:
        order = ids[name * 20 :] + ids[: name * 20]
        taken = await handle.insert("records", [{"_id": identifier, "by": name} for identifier in order])
        return [identifier for position, identifier in enumerate(order) if position not in taken]

    won = await asyncio.gather(*(race(name, handle) for name, handle in enumerate(handles)))
    assert sorted(identifier for ids_won in won for identifier in ids_won) == ids
    owner = {identifier: name for name, ids_won in enumerate(won) for identifier in ids_won}
    assert {document["_id"]: document["by"] for document in await everything(store)} == owner


async def test_of_a_thousand_claimers_each_key_goes_to_one(open_store: OpenStore, store: Store) -> None:
    handles = [open_store() for _ in range(4)]

    async def claim(name: int) -> str | None:
        key = f"lease/{name % 50}"
        taken = await handles[name % len(handles)].insert("records", [{"_id": key, "by": name}])
        return None if taken else key

    won = await asyncio.gather(*(claim(name) for name in range(1_000)))
    winners = {key: name for name, key in enumerate(won) if key is not None}
    assert Counter(key for key in won if key is not None) == Counter({f"lease/{n}": 1 for n in range(50)})
    assert {document["_id"]: document["by"] for document in await everything(store)} == winners


async def test_appending_by_sequence_number_leaves_no_gap_and_no_double(open_store: OpenStore, store: Store) -> None:
    handles = [open_store() for _ in range(4)]

    async def append(name: int, handle: Store) -> list[int]:
        mine: list[int] = []
        sequence = 1
        while len(mine) < 10:
            document = {"_id": f"unit/{sequence}", "aggregate": "unit", "sequence": sequence, "by": name}
            if not await handle.insert("records", [document]):
                mine.append(sequence)
            sequence += 1
        return mine

    appended = await asyncio.gather(*(append(name, handle) for name, handle in enumerate(handles)))
    assert sorted(number for mine in appended for number in mine) == list(range(1, 41))
    assert len(await store.find("records", "aggregate", ["unit"])) == 40


async def test_another_handle_sees_what_was_acknowledged(open_store: OpenStore, store: Store) -> None:
    await store.insert("records", [{"_id": "a", "aggregate": "x"}])
    await store.close()
    later = open_store()
    await later.prepare([RECORDS])
    assert set(await later.get("records", ["a"])) == {"a"}
    assert await later.insert("records", [{"_id": "a"}]) == {0}


async def test_collections_keep_apart(store: Store) -> None:
    await store.insert("records", [{"_id": "a"}])
    assert await store.insert("others", [{"_id": "a"}]) == frozenset()
    assert await store.delete("others", ["a"]) == 1
    assert set(await store.get("records", ["a"])) == {"a"}


async def test_get_leaves_absent_ids_out_and_takes_more_than_one_round_trip(store: Store) -> None:
    ids = [f"a/{number}" for number in range(2 * READ_IDS_MAX + 5)]
    await store.insert("records", [{"_id": identifier} for identifier in ids[::2]])
    assert set(await store.get("records", ids)) == set(ids[::2])


async def test_find_matches_equality_and_any_element_of_a_list(store: Store) -> None:
    await store.insert(
        "records",
        [
            {"_id": "1", "aggregate": "x", "tags": ["red", "green"]},
            {"_id": "2", "aggregate": "y", "tags": ["green"]},
            {"_id": "3", "aggregate": "x", "tags": []},
            {"_id": "4", "aggregate": "xx", "tags": "red"},
            {"_id": "5"},
        ],
    )

    async def ids(field: str, *values: str) -> set[str]:
        found = [document["_id"] for document in await store.find("records", field, values)]
        assert len(found) == len(set(found))
        return set(found)

    assert await ids("aggregate", "x") == {"1", "3"}
    assert await ids("aggregate", "x", "y") == {"1", "2", "3"}
    assert await ids("aggregate", "nothing") == set()
    assert await ids("tags", "green") == {"1", "2"}
    assert await ids("tags", "red") == {"1", "4"}
    assert await ids("tags", "red", "green") == {"1", "2", "4"}


async def test_what_was_acknowledged_is_counted_whoever_inserted_it_and_what_was_deleted_is_not(
    open_store: OpenStore, store: Store
) -> None:
    other = open_store()
    await store.insert("records", [{"_id": f"a{n}", "aggregate": "x"} for n in range(120)])
    await other.insert("records", [{"_id": f"b{n}", "aggregate": "x" if n else "y"} for n in range(5)])
    assert (await store.count("records", "aggregate", "x"), await other.count("records", "aggregate", "y")) == (124, 1)
    await other.delete("records", [f"a{n}" for n in range(100)])
    assert await store.count("records", "aggregate", "x") == 24


async def test_find_tells_numbers_from_strings_and_booleans(store: Store) -> None:
    values: list[Any] = [1, 1.0, "1", True, None, [1, 2], 2]
    await store.insert("records", [{"_id": str(n), "aggregate": value} for n, value in enumerate(values)])

    async def ids(value: str | int) -> set[str]:
        return {document["_id"] for document in await store.find("records", "aggregate", [value])}

    assert await ids(1) == {"0", "1", "5"}
    assert await ids("1") == {"2"}
    assert await ids(2) == {"5", "6"}


async def test_a_document_found_by_two_round_trips_comes_once(store: Store) -> None:
    tags = [f"tag-{number}" for number in range(READ_IDS_MAX + 10)]
    await store.insert("records", [{"_id": "a", "tags": [tags[0], tags[-1]]}, {"_id": "b", "tags": [tags[-1]]}])
    found = await store.find("records", "tags", tags)
    assert sorted(document["_id"] for document in found) == ["a", "b"]


async def test_only_the_fields_asked_for_come(store: Store) -> None:
    await store.insert("records", [{"_id": "a", "aggregate": "x", "big": b"1" * 1_000, "n": 1}])
    assert await store.find("records", "aggregate", ["x"], only=["n", "absent"]) == [{"_id": "a", "n": 1}]
    assert await store.find("records", "aggregate", ["x"], only=[]) == [{"_id": "a"}]
    assert await everything(store, only=["n"]) == [{"_id": "a", "n": 1}]


async def test_an_index_made_later_finds_what_was_there_before(open_store: OpenStore) -> None:
    store = open_store()
    await store.prepare([Collection("records")])
    await store.insert("records", [{"_id": "a", "aggregate": "x"}])
    await store.prepare([RECORDS])
    await store.prepare([RECORDS])
    await store.insert("records", [{"_id": "b", "aggregate": "x"}])
    assert {document["_id"] for document in await store.find("records", "aggregate", ["x"])} == {"a", "b"}


async def test_preparing_at_the_same_time_is_no_fault(open_store: OpenStore) -> None:
    handles = [open_store() for _ in range(3)]
    await asyncio.gather(*(handle.prepare([RECORDS, Collection("others", ("a",))]) for handle in handles))
    assert await handles[0].insert("others", [{"_id": "a", "a": 1}]) == frozenset()


async def test_delete_says_how_many_there_were_and_frees_their_ids(store: Store) -> None:
    ids = [f"a/{number}" for number in range(READ_IDS_MAX + 10)]
    await store.insert("records", [{"_id": identifier, "aggregate": "x"} for identifier in ids])
    assert await store.delete("records", [*ids[5:], "absent"]) == len(ids) - 5
    assert {document["_id"] for document in await store.find("records", "aggregate", ["x"])} == set(ids[:5])
    assert await store.insert("records", [{"_id": identifier} for identifier in ids[:6]]) == set(range(5))


async def test_racing_deletes_count_each_document_once(open_store: OpenStore, store: Store) -> None:
    ids = [f"a/{number}" for number in range(40)]
    await store.insert("records", [{"_id": identifier} for identifier in ids])
    counts = await asyncio.gather(*(open_store().delete("records", ids) for _ in range(4)))
    assert sum(counts) == len(ids)
    assert await everything(store) == []


async def test_a_stream_yields_every_document_once_in_pages(store: Store) -> None:
    ids = [f"a/{number:04}" for number in range(2_500)]
    for start in range(0, len(ids), INSERT_DOCUMENTS_MAX):
        await store.insert("records", [{"_id": key} for key in ids[start : start + INSERT_DOCUMENTS_MAX]])
    pages = [page async for page in store.stream("records")]
    assert sorted(document["_id"] for page in pages for document in page) == ids
    assert len(pages) > 1
    assert all(0 < len(page) <= INSERT_DOCUMENTS_MAX for page in pages)


async def test_a_stream_of_nothing_ends(store: Store) -> None:
    assert await everything(store) == []
    assert [page async for page in store.stream("never-made")] == []


async def test_a_document_as_large_as_allowed_is_kept_and_a_larger_one_refused(store: Store) -> None:
    payload = bytes(range(256)) * (DOCUMENT_BYTES_MAX // 256 - 1)
    assert await store.insert("records", [{"_id": "large", "payload": payload}]) == frozenset()
    assert (await store.get("records", ["large"]))["large"]["payload"] == payload
    with pytest.raises(UnstorableDocument, match="too-large is about"):
        await store.insert("records", [{"_id": "too-large", "payload": payload + b"x" * 256}])


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"_id": "a", "n": [[1]]}, id="a list in a list"),
        pytest.param({"_id": "a", "n": math.nan}, id="not a number"),
        pytest.param({"_id": "a", "n": [math.inf]}, id="infinite"),
        pytest.param({"_id": "a", "a.b": 1}, id="a dot in a key"),
        pytest.param({"_id": "a", "n": {"$set": 1}}, id="a dollar in a key"),
        pytest.param({"_id": "a", "n": [{"": 1}]}, id="an empty key"),
        pytest.param({"_id": "a", "n": 2**63}, id="more than 64 bits"),
        pytest.param({"_id": "a", "n": {1, 2}}, id="a set"),
        pytest.param({"_id": 1}, id="a number as id"),
        pytest.param({"_id": ""}, id="an empty id"),
        pytest.param({"n": 1}, id="no id"),
    ],
)
async def test_what_some_store_would_mangle_is_refused_before_anything_is_stored(
    store: Store, document: dict[str, Any]
) -> None:
    with pytest.raises(UnstorableDocument):
        await store.insert("records", [{"_id": "good"}, document])
    assert await everything(store) == []


async def test_an_insert_longer_than_the_bound_is_refused(store: Store) -> None:
    with pytest.raises(UnstorableDocument, match="at most"):
        await store.insert("records", [{"_id": str(number)} for number in range(INSERT_DOCUMENTS_MAX + 1)])
    assert await everything(store) == []


async def test_what_is_changed_after_an_insert_or_a_read_is_not_changed_in_the_store(store: Store) -> None:
    document: dict[str, Any] = {"_id": "a", "tags": ["red"], "events": [{"id": "e1"}]}
    inserting = asyncio.ensure_future(store.insert("records", [document]))
    await inserting
    document["tags"].append("green")
    first = (await store.get("records", ["a"]))["a"]
    first["events"][0]["id"] = "changed"
    assert (await store.get("records", ["a"]))["a"] == {"_id": "a", "tags": ["red"], "events": [{"id": "e1"}]}


async def test_ping_returns(store: Store) -> None:
    await store.ping()
