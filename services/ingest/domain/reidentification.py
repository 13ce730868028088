"""Re-identification: what may be asked about who is behind what was replaced in a unit, and what is kept of the asking.

A question is either whether values are behind the unit's pseudonyms, or what had been replaced. It has a reason; who
asked, why, and how many of which kind is told as an event before the answer goes out. What was asked for is told to
whoever asked, and nowhere else.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from concord.privacy import KINDS, NAME_CHARACTERS_MAX, Anonymiser, Candidate, Compared, Finder, Rules
from concord.privacy.reidentify import candidate_pseudonym
from services.ingest.domain.project import Fault, Privacy

CANDIDATES_MAX = 20
"""Of one question."""
VALUE_CHARACTERS_MAX = 320
"""An address of mail has at most 254 (RFC 5321); a longer page's address is no person's."""
REASON_CHARACTERS_MAX = 500
QUESTIONS_MAX = 100
"""About one unit, for good: so many values can be tried on it as these and CANDIDATES_MAX allow, and no more."""
MASKED_IN_REASONS = frozenset({"email", "iban", "card", "name"})
"""Kinds that are masked in a reason whoever wrote them there: no number of a case is one of these."""
SHORTEST_MASKED = 3


class Question(msgspec.Struct, frozen=True):
    """What is asked about one unit.

    Attributes:
        asked_by: who, as their credential names them.
        reason: why, as they say.
        candidates: values to be held against the unit's pseudonyms; none: what had been replaced is asked for.
    """

    asked_by: str
    reason: str
    candidates: tuple[Candidate, ...] = ()

    @property
    def how(self) -> Literal["compared", "opened"]:
        """Return what is done to answer it."""
        return "compared" if self.candidates else "opened"


class Answer(NamedTuple):
    """What whoever asked is told; one of the two.

    Attributes:
        compared: of each candidate, in order.
        originals: what had been replaced, in the order of the content.
        replaces: kinds that the unit's project replaces now; none: nothing is, and all stands as it was sent.
    """

    compared: Sequence[Compared] = ()
    originals: Sequence[tuple[str, str]] = ()
    replaces: Sequence[str] = ()


class Counted(NamedTuple):
    """What is told of a question, of one kind of personal data: how many were asked about, and how many are told."""

    kind: str
    asked: int
    told: int


class Asked(msgspec.Struct, frozen=True):
    """How often a unit was asked about."""

    questions: int = 0


class NotTraceable(ValueError):
    """A question cannot be answered as the project is, or as the unit is; the reason is a sentence with a cure."""


class TooOftenAsked(ValueError):
    """A unit was asked about QUESTIONS_MAX times: to go on would be to guess."""


def candidate_faults(candidates: Sequence[Candidate]) -> Iterator[Fault]:
    """Yield what is wrong with candidates, by field, but for whether each is of its kind."""
    for place, (kind, value) in enumerate(candidates):
        if kind not in KINDS:
            yield Fault(f"candidates[{place}].kind", "is no kind", f"send one of {', '.join(KINDS)}")
        longest = NAME_CHARACTERS_MAX if kind == "name" else VALUE_CHARACTERS_MAX
        if not 0 < len(value.strip()) <= longest:
            yield Fault(f"candidates[{place}].value", "is empty or too long", f"send 1 to {longest} characters")


def made(candidates: Sequence[Candidate], privacy: Privacy, key: bytes) -> list[str] | Fault:
    """Return what would stand in each candidate's place, or what is wrong with the first that is none of its kind."""
    found = []
    for place, candidate in enumerate(candidates):
        pseudonym = candidate_pseudonym(candidate, key, privacy.regions)
        if pseudonym is None:
            cure = "send the value alone, as it may stand in a text, under its kind"
            return Fault(f"candidates[{place}].value", f"is no {candidate.kind} as it is found in texts", cure)
        found.append(pseudonym)
    return found


def must_allow(privacy: Privacy, question: Question) -> None:
    """Let a question through that the project allows.

    Raises:
        NotTraceable: it allows none, or not this one.
    """
    if privacy.reidentification == "none":
        raise NotTraceable("This project says policy.privacy.reidentification: none. Ask its client, who has the data.")
    if question.how == "opened" and privacy.reidentification != "sealed":
        raise NotTraceable(
            "This project keeps no originals: policy.privacy.reidentification is not 'sealed'. Send candidates, or ask "
            "its client, who has the data."
        )


def counted(question: Question, answer: Answer) -> list[Counted]:
    """Return what is told of a question and its answer: kinds and counts.

    >>> counted(Question("o", "r", (Candidate("email", "a"),)), Answer([Compared("email", "[email:x]", 1, 1)]))
    [Counted(kind='email', asked=1, told=1)]
    """
    asked = Counter(candidate.kind for candidate in question.candidates)
    counts = Counter(pair.kind for pair in answer.compared if pair.pseudonym or pair.in_clear)
    counts.update(kind for kind, _ in answer.originals)
    return [Counted(kind, asked[kind], counts[kind]) for kind in sorted(asked | counts)]


def kept_reason(question: Question, answer: Answer, privacy: Privacy, key: bytes) -> str:
    """Return the reason as it is kept and told: without the values that it is about, should it hold any.

    >>> question = Question("o", "Is it ADA@example.org?", (Candidate("email", "ada@example.org"),))
    >>> kept_reason(question, Answer(), Privacy(), b"key")
    'Is it [email]?'
    """
    reason = question.reason
    values = {value.strip(): kind for kind, value in (*question.candidates, *answer.originals)}
    folded = reason.casefold()
    for value, kind in sorted(values.items(), key=lambda pair: -len(pair[0])):
        if len(value) >= SHORTEST_MASKED and value.casefold() in folded:
            reason = re.sub(re.escape(value), f"[{kind}]", reason, flags=re.IGNORECASE)
    rules = Rules(MASKED_IN_REASONS, privacy.names, key)
    return Anonymiser(Finder(rules), dict.fromkeys(MASKED_IN_REASONS, "mask"), key).text(reason, Counter())


def asked_once_more(state: Asked | None) -> Asked:
    """Return how often a unit was asked about, with this question.

    Raises:
        TooOftenAsked: it may not be asked about any more.
    """
    before = 0 if state is None else state.questions
    if before >= QUESTIONS_MAX:
        raise TooOftenAsked(
            f"This unit was asked about {QUESTIONS_MAX} times, and is not once more. Ask its client, who has the data."
        )
    return Asked(before + 1)
