"""Bytes that were once written decode for ever: to the values stated beside them, and to the same bytes again."""

from pathlib import Path
from typing import Any

import pytest

from concord.contracts.codec import decode, encode
from tests.support.golden import FOLDER, EventType, event_types, file, stated, unset

EVENTS = {event.name: event for event in event_types()}
GOLDENS = {golden.name: (event, golden) for event in EVENTS.values() for golden in event.goldens()}

STRANGE_FIELD = b"\x9a\x3f\x05later"
"""Field 1011, which no message has, with five bytes in it."""


def written(golden: Path) -> bytes:
    return file(golden, ".binpb").read_bytes()


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_goldens_that_set_every_field(name: str) -> None:
    event = EVENTS[name]
    goldens = event.goldens()
    assert goldens, f"state {name} in {FOLDER.name}/{name}.txtpb, then run `python -m tests.support.golden`"
    never = set.intersection(*(set(unset(stated(event, golden))) for golden in goldens))
    assert not never, f"{name} has fields in no golden; state them in a further one: {sorted(never)}"


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_decodes_to_what_is_stated_and_encodes_to_its_own_bytes(name: str) -> None:
    event, golden = GOLDENS[name]
    decoded = decode(event.topic, written(golden))
    assert decoded == stated(event, golden)
    assert encode(decoded) == written(golden)
    assert encode(stated(event, golden)) == written(golden)


def test_no_golden_is_left_over_from_an_event_that_was_taken_away() -> None:
    suffixes = (".binpb", ".txtpb")
    expected = {file(golden, suffix).name for _, golden in GOLDENS.values() for suffix in suffixes}
    assert {path.name for path in FOLDER.iterdir()} == expected


@pytest.mark.parametrize("name", GOLDENS)
def test_what_a_later_release_adds_is_passed_on(name: str) -> None:
    event, golden = GOLDENS[name]
    later = written(golden) + STRANGE_FIELD
    again = encode(decode(event.topic, later))
    assert again == later, "a field of the envelope that this release does not know"
    inner = with_strange_field_inside(event, written(golden))
    assert STRANGE_FIELD in encode(decode(event.topic, inner)), "one of the event itself"


def with_strange_field_inside(event: EventType, value: bytes) -> bytes:
    """Return the record with a strange field in its event, or in its metadata where the topic has one event alone."""
    message: Any = decode(event.topic, value)
    inside = message.metadata if event.field is None else getattr(message, event.field.name)
    inside.MergeFromString(STRANGE_FIELD)
    return encode(message)


def test_an_event_of_a_later_release_decodes_and_names_no_case() -> None:
    event, golden = GOLDENS["concord.units.v1.UnitErased"]
    message: Any = decode(event.topic, written(golden))
    message.ClearField("unit_erased")
    later: Any = decode(event.topic, encode(message) + STRANGE_FIELD)
    assert later.WhichOneof("event") is None
    assert later.metadata.event_id
