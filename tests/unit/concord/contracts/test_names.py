"""One grammar of names, tried at both of its ends, and at every door where a name comes in."""

import urllib.parse

import pytest

from concord.chassis.identity import Caller, Role
from concord.contracts.names import NAME_CHARACTERS_MAX, NameRefused, is_name, name_from, quoted

TAKEN = [
    "a",
    "_xQ9",
    "~",
    "auth0|5f7c8ec7",
    "eu-west-1:7a1b-22",
    "arn:aws:iam::1:user/zoe",
    "night#1",
    "100%",
    "Zoë K.",
    "Ünal",
    "山田\u3000太郎",
    "می\u200cخواهم",
    "👩\u200d🔬",
    "...",
    "x" * NAME_CHARACTERS_MAX,
    "\U0001f9d1" * NAME_CHARACTERS_MAX,
]
REFUSED = [
    "",
    " ",
    " ann",
    "ann ",
    "ann\u00a0",
    "\u3000ann",
    "an\nn",
    "an\x00n",
    "an\x7fn",
    "\u202eann",
    "an\u200fn",
    "an\u200bn",
    "an\ufeffn",
    "an\u2028n",
    "an\u3164n",
    "\u2800",
    "\u200d",
    "ann\u200c",
    "an\ud800n",
    "an\ue000n",
    "an\uffffn",
    ".",
    "..",
    "x" * (NAME_CHARACTERS_MAX + 1),
    "x" * 1_000_000,
]


@pytest.mark.parametrize("text", TAKEN)
def test_what_people_and_identity_providers_call_somebody_is_a_name(text: str) -> None:
    assert name_from(text) == text
    assert is_name(text)
    assert Caller(text, frozenset({Role.ANNOTATOR})).subject == text


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_seen_or_written_is_refused_with_a_cure(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(NameRefused) as refused:
        name_from(text)
    assert refused.value.problem
    assert refused.value.cure
    with pytest.raises(ValueError):  # noqa: PT011 - any of its sentences
        Caller(text, frozenset({Role.ANNOTATOR}))


def test_decomposed_text_gives_the_composed_name_and_is_no_name_itself() -> None:
    assert name_from("Zoe\u0308") == "Zo\u00eb"
    assert not is_name("Zoe\u0308")
    with pytest.raises(ValueError, match="composed"):
        Caller("Zoe\u0308", frozenset({Role.ANNOTATOR}))


def test_composing_comes_before_counting() -> None:
    assert len(name_from("e\u0301" * NAME_CHARACTERS_MAX)) == NAME_CHARACTERS_MAX
    with pytest.raises(NameRefused):
        name_from("e\u0301" * (NAME_CHARACTERS_MAX + 1))


@pytest.mark.parametrize("name", TAKEN)
def test_a_quoted_name_is_one_part_of_a_key_or_an_address_and_says_the_name(name: str) -> None:
    part = quoted(name)
    assert not {"/", "#", "?", " "} & set(part)
    assert part.isascii()
    assert urllib.parse.unquote(part) == name


def test_plain_names_stay_readable_in_keys() -> None:
    assert quoted("annotator-1_b.C~") == "annotator-1_b.C~"
