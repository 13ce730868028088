"""Ids derive from their cause, cannot be guessed, and name their owner."""

import doctest
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.contracts import ids
from concord.contracts.ids import NAMESPACE, client_of, event_id, keyed

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00/"), max_size=30)


def test_the_examples_hold() -> None:
    assert doctest.testmod(ids) == (0, doctest.testmod(ids).attempted)


def test_an_event_id_is_the_uuid5_of_cause_service_kind_and_index() -> None:
    said = event_id("admit/k1-u1", "ingest", "concord.units.v1", 2)
    assert said == str(uuid.uuid5(NAMESPACE, "admit/k1-u1/ingest/concord.units.v1/2"))
    assert uuid.UUID(said).version == 5


def test_released_ids_never_change() -> None:
    """Written down once: a process of the next release must tell what this one has told as the same."""
    assert event_id("admit/k1-u1", "ingest", "concord.units.v1") == "922a9b5f-3a0c-5ba5-ae8d-a5b2d9c07092"
    assert keyed(b"secret", "k7q2-rte", "item-1") == "75pgkbrx26dvhy5hnjqmwcuw7r"


@given(NAMES, NAMES, NAMES, st.integers(0, 100))
def test_another_cause_service_kind_or_index_is_another_id(cause: str, service: str, kind: str, index: int) -> None:
    said = event_id(cause, service, kind, index)
    assert said == event_id(cause, service, kind, index)
    others = {
        event_id(cause + "x", service, kind, index),
        event_id(cause, service + "x", kind, index),
        event_id(cause, service, kind + "x", index),
        event_id(cause, service, kind, index + 1),
    }
    assert len(others | {said}) == 5


@given(st.binary(min_size=1, max_size=32), st.lists(NAMES, min_size=1, max_size=4))
def test_a_keyed_digest_needs_its_secret_and_every_part_in_its_place(secret: bytes, parts: list[str]) -> None:
    said = keyed(secret, *parts)
    assert len(said) == 26
    assert set(said) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert said != keyed(secret + b"x", *parts)
    assert said != keyed(secret, *parts, "")
    assert said != keyed(secret, parts[0] + "x", *parts[1:])


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
