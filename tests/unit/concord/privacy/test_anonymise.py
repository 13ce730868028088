"""What is found is replaced, and what stands around it stays."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.privacy import KINDS, Anonymiser, Finder, Found, Rules, hashed, merged

KEY = b"key of a project"
ALL = Finder(
    Rules(frozenset(KINDS), names=(hashed(KEY, "Ada King"), hashed(KEY, "Zoë")), names_key=KEY, regions=("US",))
)


def masked(text: str, **more: bool) -> str:
    return Anonymiser(ALL, dict.fromkeys(KINDS, "mask"), KEY, **more).text(text, Counter())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mail ada@example.org, please", "Mail [email], please"),
        ("müller@büro.example", "[email]"),
        ("4111 1111 1111 1111 and 4111 1111 1111 1112", "[card] and 4111 1111 1111 1112"),
        ("IBAN DE89 3704 0044 0532 0130 00 BIS", "IBAN [iban] BIS"),
        ("::1 is 127.0.0.1", "[ip] is [ip]"),
        ("at 12:30:45 in v1.2.3", "at 12:30:45 in v1.2.3"),
        ("born 1980-02-30, no day", "born 1980-02-30, no day"),
        ("born 31.12.1980", "born [date]"),
        ("call +1 (212) 555-0123 now", "call [phone] now"),
        ("ADA  King and zoe\u0308 and Adaking", "[name] and [name] and Adaking"),
        ("", ""),
    ],
)
def test_a_text_keeps_all_that_is_not_personal(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_mask_of_the_same_length_moves_no_offset() -> None:
    text = "\U0001f600 ada@example.org paid"
    shown = masked(text, same_length=True)
    assert (len(shown), shown.index("paid")) == (len(text), text.index("paid"))
    assert "ada" not in shown


def test_a_pseudonym_is_the_same_for_the_same_value_and_another_for_another_key() -> None:
    anonymiser = Anonymiser(ALL, dict.fromkeys(KINDS, "pseudonym"), KEY)
    text, other, third = (
        anonymiser.text(text, Counter()) for text in ("ADA@example.org", "ada@Example.org", "bob@example.org")
    )
    assert text == other != third
    assert Anonymiser(ALL, dict.fromkeys(KINDS, "pseudonym"), b"k2").text("ada@example.org", Counter()) != text


def test_every_text_of_a_content_is_looked_at_and_counted() -> None:
    counts: Counter[str] = Counter()
    content = {
        "a@b.org": ["x", {"t": "a@b.org", "n": 4111111111111111, "ok": True}],
        "uri": "https://example.org/a@b.org",
    }
    shown = Anonymiser(ALL, dict.fromkeys(KINDS, "mask"), KEY).content(content, counts)
    assert shown == {"[email]": ["x", {"t": "[email]", "n": "[card]", "ok": True}], "uri": content["uri"]}
    assert counts == {"email": 2, "card": 1}


found = st.builds(
    lambda start, length, kind: Found(start, start + length, kind, "v"),
    st.integers(0, 30),
    st.integers(1, 10),
    st.sampled_from(["email", "card"]),
)


@given(st.lists(found, max_size=12))
def test_all_that_was_found_is_covered_once(these: list[Found]) -> None:
    kept = merged(these)
    covered = [place for entry in kept for place in range(entry.start, entry.end)]
    assert sorted(covered) == sorted({place for entry in these for place in range(entry.start, entry.end)})


@given(st.text(max_size=200))
def test_any_text_can_be_looked_at(text: str) -> None:
    masked(text)


@pytest.mark.parametrize("piece", ["1 ", "a@", "(0", "1:", "DE89 ", "1-", "http://", "A", "+1 212 555 0123 ", "4111"])
def test_a_text_made_of_candidates_costs_no_more_than_its_length(piece: str) -> None:
    """Ten times the text is about ten times the CPU; what grows with the square would be a hundred times."""

    def cost(characters: int) -> float:
        text = piece * (characters // len(piece))
        began = time.process_time()
        ALL.find(text)
        return time.process_time() - began

    small = min(cost(5_000) for _ in range(3))
    assert cost(50_000) < 50 * small + 1.0
