"""How much of what is planted is found, and how much that is none: told in the report (--junitxml), held to bounds."""

from collections import Counter
from collections.abc import Callable

import pytest

from concord.privacy import Finder, Rules
from tests.unit.concord.privacy.corpus import LOCALES, PEOPLE, STRUCTURED, harmless, planted

RECALL_MIN = 0.99
FALSE_POSITIVES_MAX = 0.01
"""Of harmless sentences: those in which something is found."""


@pytest.mark.parametrize("locale", LOCALES)
def test_of_each_structured_kind_at_least_99_in_a_hundred_are_covered_whole(
    locale: str, record_property: Callable[[str, object], None]
) -> None:
    finder = Finder(Rules(frozenset(STRUCTURED), regions=(LOCALES[locale],)))
    seen: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for entry in planted(locale):
        covered = {place for found in finder.find(entry.text) for place in range(found.start, found.end)}
        wanted = {place for place in range(entry.start, entry.end) if entry.text[place].isalnum()}
        if wanted <= covered:
            seen[entry.kind] += 1
        else:
            missed.setdefault(entry.kind, []).append(entry.text)
    recall = {kind: seen[kind] / PEOPLE for kind in STRUCTURED}
    record_property("recall", {kind: round(share, 3) for kind, share in recall.items()})
    assert min(recall.values()) >= RECALL_MIN, {kind: texts[:5] for kind, texts in missed.items()}


@pytest.mark.parametrize("locale", LOCALES)
def test_hardly_any_harmless_sentence_has_something_found_in_it(
    locale: str, record_property: Callable[[str, object], None]
) -> None:
    finder = Finder(Rules(frozenset(STRUCTURED), regions=(LOCALES[locale],)))
    wrong = [(text, finder.find(text)) for text in harmless(locale) if finder.find(text)]
    record_property("false_positives", len(wrong))
    assert len(wrong) <= FALSE_POSITIVES_MAX * PEOPLE, wrong[:5]
