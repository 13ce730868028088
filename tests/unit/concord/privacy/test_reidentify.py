"""A value is told to be behind a pseudonym exactly where its own pseudonym stands there."""

import random
from collections import Counter

import pytest

from concord.privacy import Anonymiser, Candidate, Finder, Rules, compared, pseudonyms_in
from concord.privacy.anonymise import PSEUDONYM_BYTES, pseudonym
from concord.privacy.finding import KINDS
from concord.privacy.reidentify import candidate_pseudonym
from tests.unit.concord.privacy.corpus import LOCALES, STRUCTURED, planted

KEY = b"of one project"
FEW = 300


@pytest.mark.parametrize("locale", ["en_US", "de_DE"])
def test_what_was_replaced_in_a_text_is_known_again_by_its_value_alone(locale: str) -> None:
    regions = (LOCALES[locale],)
    finder = Finder(Rules(frozenset(STRUCTURED), regions=regions))
    anonymiser = Anonymiser(finder, dict.fromkeys(STRUCTURED, "pseudonym"), KEY)
    texts = random.Random(locale).sample([entry.text for entry in planted(locale)], FEW)
    asked = 0
    for text in texts:
        originals: list[tuple[str, str]] = []
        there = pseudonyms_in(anonymiser.text(text, Counter(), originals))
        for kind, value in originals:
            made = candidate_pseudonym(Candidate(kind, value), KEY, regions)
            if made is None:
                continue  # a piece of two finds that overlapped is no value by itself
            asked += 1
            assert compared(kind, made, there).times >= 1, (text, kind, value)
            other = candidate_pseudonym(Candidate(kind, value), b"of another project", regions)
            assert other is not None
            assert compared(kind, other, there).times == 0
    assert asked >= 0.97 * FEW


def test_a_pseudonym_is_found_for_every_kind_and_is_no_other_thing() -> None:
    for kind in KINDS:
        text = pseudonym(KEY, kind, "value")
        assert pseudonyms_in(f"a {text}, {text} b") == {text: 2}
    assert PSEUDONYM_BYTES * 8 // 5 == 16, "the pattern of pseudonyms has that many letters"
    assert not pseudonyms_in("[email] [email:] [email:ABCDEFGHIJKLMNOP] [shoe:abcdefghijklmnop] \u2588\u2588")
