"""Ids derive from their cause, cannot be guessed, and name their owner."""

import base64
import doctest
import hmac
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.contracts import ids
from concord.contracts.ids import (
    NAMESPACE,
    SLOTS,
    client_of,
    event_id,
    keyed,
    keyed_each,
    place_of,
    placed_id,
    slot_of,
    slot_of_project,
    slots_of,
    unit_id_of,
    unit_ids_of,
)

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00/"), max_size=30)


def test_the_examples_hold() -> None:
    assert doctest.testmod(ids) == (0, doctest.testmod(ids).attempted)


def test_an_event_id_is_the_uuid5_of_cause_service_kind_and_index() -> None:
    text = event_id("admit/k1-u1", "ingest", "concord.units.v1", 2)
    assert text == str(uuid.uuid5(NAMESPACE, "admit/k1-u1/ingest/concord.units.v1/2"))
    assert uuid.UUID(text).version == 5


def test_released_ids_never_change() -> None:
    """Written down once: a process of the next release must tell what this one has told as the same."""
    assert event_id("admit/k1-u1", "ingest", "concord.units.v1") == "922a9b5f-3a0c-5ba5-ae8d-a5b2d9c07092"
    assert keyed(b"secret", "k7q2-rte", "item-1") == "75pgkbrx26dvhy5hnjqmwcuw7r"
    assert [slot_of_project(name) for name in ("k7q2-rte", "k7q2-", "z-é")] == [222, 441, 108]


@given(NAMES, NAMES, NAMES, st.integers(0, 100))
def test_another_cause_service_kind_or_index_is_another_id(cause: str, service: str, kind: str, index: int) -> None:
    text = event_id(cause, service, kind, index)
    assert text == event_id(cause, service, kind, index)
    others = {
        event_id(cause + "x", service, kind, index),
        event_id(cause, service + "x", kind, index),
        event_id(cause, service, kind + "x", index),
        event_id(cause, service, kind, index + 1),
    }
    assert len(others | {text}) == 5


@given(st.binary(min_size=1, max_size=32), st.lists(NAMES, min_size=1, max_size=4))
def test_a_keyed_digest_needs_its_secret_and_every_part_in_its_place(secret: bytes, parts: list[str]) -> None:
    text = keyed(secret, *parts)
    assert len(text) == 26
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert text != keyed(secret + b"x", *parts)
    assert text != keyed(secret, *parts, "")
    assert text != keyed(secret, parts[0] + "x", *parts[1:])


@given(st.binary(min_size=1, max_size=80), NAMES, st.integers(0, 200))
def test_many_digests_at_once_are_those_of_each(secret: bytes, before: str, count: int) -> None:
    names = [f"n{number}" for number in range(count)]
    assert keyed_each(secret, [before], [name.encode() for name in names]) == [
        keyed(secret, before, name) for name in names
    ]
    assert unit_ids_of(secret, f"k1-{before}", names) == [unit_id_of(secret, f"k1-{before}", name) for name in names]


def test_a_digest_is_the_first_bits_of_an_hmac_in_base_32() -> None:
    for number in range(300):
        digest = hmac.digest(b"secret", f"a\x00{number}".encode(), "sha256")
        assert keyed(b"secret", "a", str(number)) == base64.b32encode(digest).decode().lower()[:26]


def test_parts_do_not_run_into_one_another() -> None:
    assert keyed(b"secret", "ab", "c") != keyed(b"secret", "a", "bc")


@pytest.mark.parametrize(
    ("any_id", "client"),
    [
        ("k7q2-rte", "k7q2"),
        ("k7q2-u-abc.3", "k7q2"),
        ("k7q2", ""),
        ("", ""),
        ("-u1", ""),
        ("K7q2-u1", ""),
        ("k7/q2-u1", ""),
        ("k7q2\n-u1", ""),
        ("é-u1", ""),
        ("a" * 24 + "-u1", "a" * 24),
        ("a" * 25 + "-u1", ""),
    ],
)
def test_the_owner_is_read_off_an_id(any_id: str, client: str) -> None:
    assert client_of(any_id) == client


@given(st.from_regex(r"[a-z0-9]{1,24}-[a-z0-9-]{1,64}", fullmatch=True), st.sampled_from("ul"), NAMES)
def test_the_slot_of_a_project_is_read_off_whatever_is_its(project_id: str, kind: str, digest: str) -> None:
    any_id = placed_id(kind, project_id, digest)
    assert slot_of(any_id) == slot_of_project(project_id)
    assert slot_of(f"{any_id}.3") == slot_of_project(project_id), "an assignment's id begins with its unit's"
    assert client_of(any_id) == client_of(project_id)
    assert any_id.endswith(digest)


@pytest.mark.parametrize("any_id", ["", "k7q2", "k7q2-", "k7q2-u", "k7q2-u-1", "k7q2-u1", "k7q2-uA5x", "k-ué5"])
def test_an_id_that_carries_no_slot_says_so(any_id: str) -> None:
    assert slot_of(any_id) is None


def test_projects_spread_over_all_slots_and_slots_evenly_over_places() -> None:
    slots = [slot_of_project(f"k7q2-project-{number}") for number in range(20 * SLOTS)]
    assert set(slots) == set(range(SLOTS))
    for places in (1, 8, 64, SLOTS):
        dealt = [place_of(slot, places) for slot in range(SLOTS)]
        assert {dealt.count(place) for place in range(places)} == {SLOTS // places}
        assert all(place_of(slot, places) == place for place in range(places) for slot in slots_of(place, places))
        assert sum(len(slots_of(place, places)) for place in range(places)) == SLOTS


def test_an_address_that_names_no_project_is_not_remembered() -> None:
    """Strangers choose it, and it may be 16 kB long."""
    project_id = "k7q2-" + "x" * 10_000
    held = sys.getrefcount(project_id)
    assert slot_of_project(project_id) == slot_of_project(project_id)
    assert sys.getrefcount(project_id) == held
