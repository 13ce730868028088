"""Whether a value that somebody has is behind a pseudonym: told by whoever has the key, and by nobody else."""

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from concord.privacy.anonymise import pseudonym
from concord.privacy.finding import KINDS, Finder, Rules
from concord.privacy.found import compiled
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
    """

    kind: str
    pseudonym: str
    times: int
    of: int


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
    whole = [one for one in found if (one.start, one.end) == (0, len(text))]
    return pseudonym(key, candidate.kind, whole[0].value) if whole else None


def compared(kind: str, made: str, there: Mapping[str, int]) -> Compared:
    """Hold what would stand in a candidate's place against what does: every one, whichever matches.

    Args:
        kind: of the candidate.
        made: from `candidate_pseudonym`.
        there: from `pseudonyms_in`.
    """
    same_kind = [one for one in there if one.startswith(f"[{kind}:")]
    matching = [one for one in same_kind if hmac.compare_digest(one, made)]
    return Compared(kind, "".join(matching), sum(there[one] for one in matching), len(same_kind))
