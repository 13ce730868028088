"""Annotators, and which units they are fit for."""

from collections.abc import Iterable
from typing import Literal

import msgspec

AnnotatorKind = Literal["human", "model"]


class Credential(msgspec.Struct, frozen=True):
    """What an annotator is certified in, until when: microseconds since the epoch, UTC; None: for good."""

    domain: str
    expires_at_us: int | None = None


class AnnotatorState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One annotator as last defined; `revision` counts the definitions from 1."""

    annotator_id: str
    revision: int = 0
    kind: AnnotatorKind = "human"
    skills: tuple[str, ...] = ()
    credentials: tuple[Credential, ...] = ()
    vendor: str = ""
    languages: tuple[str, ...] = ()


def define(state: AnnotatorState | None, wanted: AnnotatorState) -> AnnotatorState | None:
    """Return the annotator's next revision; None when nothing would change."""
    before = state or AnnotatorState(wanted.annotator_id)
    now = msgspec.structs.replace(wanted, revision=before.revision)
    if state is not None and now == before:
        return None
    return msgspec.structs.replace(now, revision=before.revision + 1)


def abilities(annotator: AnnotatorState, now_us: int) -> frozenset[str]:
    """Return what the annotator can be asked for now: skills, and the domains of credentials that hold."""
    held = [one.domain for one in annotator.credentials if one.expires_at_us is None or now_us < one.expires_at_us]
    return frozenset((*annotator.skills, *held))


def fit(abilities_held: frozenset[str], skills_required: Iterable[str]) -> bool:
    """Return whether somebody with these abilities may label what requires those skills.

    >>> fit(frozenset({"de", "law"}), ["law"]), fit(frozenset(), ["law"])
    (True, False)
    """
    return abilities_held.issuperset(skills_required)
