"""Whether a value that somebody has is behind a pseudonym: told by whoever has the key, and by nobody else."""

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from concord.privacy.anonymise import Anonymiser, pseudonym
from concord.privacy.finding import KINDS, Finder, Finds, Rules
from concord.privacy.found import Found, compiled
from concord.privacy.listed import hashed

_PSEUDONYM = compiled(r"\[(?:" + "|".join(KINDS) + r"):[a-z2-7]{16}\]")


class Candidate(NamedTuple):
    """A value that somebody has, and of which kind it is."""

    kind: str
    value: str


class Compared(NamedTuple):
    """What a comparison came to.

    Attributes:
        kind: of the candidate.
        pseudonym: that the candidate is behind; empty where it is behind none.
        times: how often that stands there.
        of: how many different pseudonyms of its kind stand there: with none, that it is behind none says nothing.
        in_clear: how often the value itself stands there, for nothing replaced it.
    """

    kind: str
    pseudonym: str
    times: int
    of: int
    in_clear: int = 0


def pseudonyms_in(text: str) -> Counter[str]:
    """Return the pseudonyms in a text, and how often each stands there.

    >>> pseudonyms_in("to [email:abcdefghijklmnop], not [email], not [shoe:abcdefghijklmnop]")
    Counter({'[email:abcdefghijklmnop]': 1})
    """
    return Counter(match.group() for match in _PSEUDONYM.finditer(text))


def candidate_pseudonym(candidate: Candidate, key: bytes, regions: Sequence[str] = ()) -> str | None:
    """Return what would stand in a candidate's place; None where it is no value of its kind.

    >>> one = candidate_pseudonym(Candidate("email", " Ada@Example.org"), b"key")
    >>> one == candidate_pseudonym(Candidate("email", "ada@example.org"), b"key")
    True
    >>> candidate_pseudonym(Candidate("email", "ada"), b"key") is None
    True

    Args:
        candidate: as somebody wrote it.
        key: of the project.
        regions: of the project, for telephones without a country's prefix.
    """
    text = candidate.value.strip()
    if candidate.kind == "name":
        return pseudonym(key, "name", hashed(key, text)) if text else None
    found = Finder(Rules(frozenset({candidate.kind}), regions=tuple(regions))).find(text)
    whole = [entry for entry in found if (entry.start, entry.end) == (0, len(text))]
    return pseudonym(key, candidate.kind, whole[0].value) if whole else None


class _Noting:
    """A finder that notes what it found."""

    def __init__(self, finder: Finds) -> None:
        self._finder = finder
        self.found: list[Found] = []

    def find(self, text: str) -> list[Found]:
        found = list(self._finder.find(text))
        self.found += found
        return found


def in_clear(content: Any, candidates: Sequence[Candidate], key: bytes, regions: Sequence[str] = ()) -> Counter[str]:
    """Return what would stand in the place of what stands in a content in the clear, and how often it does.

    >>> one = Candidate("email", "ada@example.org")
    >>> in_clear(["to Ada@example.org", {"ada@example.org": 1}], [one], b"key")[candidate_pseudonym(one, b"key")]
    2

    Args:
        content: of JSON, read; addresses of what lies elsewhere are passed over, as where data is replaced.
        candidates: are what is looked for, by their kinds; each kind alone, so that none hides another.
        key: of the project.
        regions: of the project, for telephones without a country's prefix.
    """
    seen: Counter[str] = Counter()
    for kind in sorted({candidate.kind for candidate in candidates}):
        names = tuple(
            hashed(key, candidate.value.strip()) for candidate in candidates if candidate.kind == kind == "name"
        )
        noting = _Noting(Finder(Rules(frozenset({kind}), names, key, tuple(regions))))
        Anonymiser(noting, {kind: "mask"}, key).content(content, Counter())
        seen.update(pseudonym(key, kind, found.value) for found in noting.found)
    return seen


def compared(kind: str, made: str, there: Mapping[str, int], clear: Mapping[str, int] | None = None) -> Compared:
    """Hold what would stand in a candidate's place against what does: every one, whichever matches.

    Args:
        kind: of the candidate.
        made: from `candidate_pseudonym`.
        there: from `pseudonyms_in`.
        clear: from `in_clear`; None: that was not looked for.
    """
    same_kind = [name for name in there if name.startswith(f"[{kind}:")]
    matching = [name for name in same_kind if hmac.compare_digest(name, made)]
    return Compared(
        kind, "".join(matching), sum(there[name] for name in matching), len(same_kind), (clear or {}).get(made, 0)
    )
