"""Annotators, and which units they are fit for."""

from collections.abc import Iterable
from typing import Literal

import msgspec

AnnotatorKind = Literal["human", "model"]
AtWork = Literal["invited", "qualifying", "active", "paused", "retired"]


class Credential(msgspec.Struct, frozen=True):
    """What an annotator is certified in, until when: microseconds since the epoch, UTC; None: for good."""

    domain: str
    expires_at_us: int | None = None

    def holds(self, now_us: int) -> bool:
        """Return whether it has not ended."""
        return self.expires_at_us is None or now_us < self.expires_at_us


class AnnotatorState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One annotator as last defined; `revision` counts the definitions from 1.

    Attributes:
        state: see `roster`.
        since_us: since when they are in it, microseconds since the epoch, UTC; 0: from the first definition on.
        reason: why, as they are told it.
        until_us: when a pause is over, likewise; None: when that is said.
        after: to what somebody paused comes back.
    """

    annotator_id: str
    revision: int = 0
    kind: AnnotatorKind = "human"
    skills: tuple[str, ...] = ()
    credentials: tuple[Credential, ...] = ()
    vendor: str = ""
    languages: tuple[str, ...] = ()
    state: AtWork = "active"
    since_us: int = 0
    reason: str = ""
    until_us: int | None = None
    after: AtWork = "active"

    @property
    def model(self) -> bool:
        """Whether they are a model."""
        return self.kind == "model"


def define(state: AnnotatorState | None, wanted: AnnotatorState) -> AnnotatorState | None:
    """Return the annotator's next revision, as able as is wanted and at work as before; None when nothing changes."""
    before = state or AnnotatorState(wanted.annotator_id)
    return revised(
        state,
        msgspec.structs.replace(
            before,
            kind=wanted.kind,
            skills=wanted.skills,
            credentials=wanted.credentials,
            vendor=wanted.vendor,
            languages=wanted.languages,
        ),
    )


def revised(state: AnnotatorState | None, now: AnnotatorState) -> AnnotatorState | None:
    """Return the annotator as they are to be as their next revision; None when they are so already."""
    revision = state.revision if state is not None else 0
    now = msgspec.structs.replace(now, revision=revision)
    return None if now == state else msgspec.structs.replace(now, revision=revision + 1)


def abilities(annotator: AnnotatorState, now_us: int) -> frozenset[str]:
    """Return what the annotator can be asked for now: skills, and the domains of credentials that hold."""
    held = [credential.domain for credential in annotator.credentials if credential.holds(now_us)]
    return frozenset((*annotator.skills, *held))


def fit(abilities_held: frozenset[str], skills_required: Iterable[str]) -> bool:
    """Return whether somebody with these abilities may label what requires those skills.

    >>> fit(frozenset({"de", "law"}), ["law"]), fit(frozenset(), ["law"])
    (True, False)
    """
    return abilities_held.issuperset(skills_required)
