"""A body that does not fit names the key where it stands in a mapping, and the values there are."""

from enum import Enum
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from concord.chassis.errors import BadRequest, Invalid
from concord.chassis.http import decode


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Inner(msgspec.Struct, forbid_unknown_fields=True, rename={"plan": "the plan"}):
    plan: Literal["single", "iso", "fraction"] = "iso"


class Body(msgspec.Struct, forbid_unknown_fields=True):
    treatments: dict[str, Literal["mask", "pseudonym"]] = {}
    quotas: dict[str, Annotated[int, Meta(ge=0)]] = {}
    deep: dict[str, list[Inner]] = {}
    pair: tuple[int, Size] | None = None
    only: Literal["it"] | None = None
    many: tuple[Size, ...] = ()


BODY = msgspec.json.Decoder(Body)
LIST = msgspec.json.Decoder(list[Body])


@pytest.mark.parametrize(
    ("text", "field", "cure"),
    [
        (b'{"treatments": {"email": "mask", "phone": "hide"}}', "treatments.phone", "send mask or pseudonym"),
        (b'{"treatments": {"email": 3}}', "treatments.email", "send what was expected"),
        (b'{"quotas": {"a": 1, "b": "x"}}', "quotas.b", "send what was expected"),
        (b'{"quotas": {"a": -1}}', "quotas.a", "send what was expected"),
        (b'{"quotas": {"%s": "x"}}' % (b"a" * 90), f"quotas.{'a' * 40}", "send what was expected"),
        (b'{"deep": {"k": [{}, {"the plan": "x"}]}}', "deep.k[1].the plan", "send single, iso or fraction"),
        (b'{"pair": [1, "huge"]}', "pair[1]", "send small or large"),
        (b'{"many": ["small", "huge"]}', "many[1]", "send small or large"),
        (b'{"only": "that"}', "only", "send it"),
        (b'{"other": 1}', "other", "leave it out, or see /openapi.json for how it is spelt"),
    ],
)
def test_what_does_not_fit_is_told_where_and_what_would(text: bytes, field: str, cure: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(BODY, text)
    assert (refused.value.errors[0].field, refused.value.errors[0].cure) == (field, cure)


def test_of_a_list_the_place_is_told_too() -> None:
    with pytest.raises(Invalid) as refused:
        decode(LIST, b'[{}, {"treatments": {"email": "hide"}}]')
    assert refused.value.errors[0].field == "[1].treatments.email"


@pytest.mark.parametrize("behind", [b"", b",", b', "x": "\xff"}', b', "x": ' + b"[" * 5_000])
def test_what_stands_behind_a_misfit_may_be_no_json(behind: bytes) -> None:
    with pytest.raises((Invalid, BadRequest)) as refused:
        decode(BODY, b'{"treatments": {"email": "hide"}' + behind)
    assert refused.value.errors[0].field in ("treatments[...]", "body")


@pytest.mark.parametrize("again", [b"3", b"[]", b"{}", b'"email"', b"null"])
@pytest.mark.parametrize("key", [b"treatments", b"quotas", b"pair"])
def test_a_key_may_stand_twice_and_be_something_else_the_second_time(key: bytes, again: bytes) -> None:
    misfits = {b"treatments": b'{"email": "hide"}', b"quotas": b'{"a": -1}', b"pair": b'[1, "huge"]'}
    with pytest.raises(Invalid) as refused:
        decode(BODY, b'{"%s": %s, "%s": %s}' % (key, misfits[key], key, again))
    assert refused.value.errors[0].field.startswith(key.decode())
    assert refused.value.errors[0].cure
