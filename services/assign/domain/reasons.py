"""Why there is nothing for an annotator now: the one place where that is told, whoever asks."""

from collections.abc import Collection
from typing import Literal

import msgspec

from services.assign.domain.breaks import Break
from services.assign.domain.caps import Reached
from services.assign.domain.eligibility import AnnotatorState, abilities, fit
from services.assign.domain.qualification import Progress
from services.assign.domain.roster import at_work
from services.assign.domain.rules import Held

Code = Literal[
    "nothing_waits",
    "had_all",
    "lacks_skill",
    "credential_lapsed",
    "on_break",
    "paused",
    "closed",
    "not_acknowledged",
    "annotator_paused",
    "annotator_retired",
    "qualifying",
    "no_gold_left",
    "not_qualified",
    "retraining",
    "cap_reached",
    "awaits_lead",
]


CAPS = {
    "units": "as many of its units as one person may",
    "units_per_day": "as many of its units as one person may in a day",
    "ms_per_day": "as many hours as one person may in a day",
}
"""What somebody has done who has reached a cap."""


class Why(msgspec.Struct, frozen=True):
    """Why somebody was given nothing.

    Attributes:
        code: for programs.
        skills: what they lack for that which waits, or which credentials have ended.
        ended_at_us: when the credential ended that did last, microseconds since the epoch, UTC; None: none did.
        until_us: when the break or pause is over, or a cap leaves room again, microseconds since the epoch, UTC; None:
            there is none, or no end.
        about_more: for who qualifies in the project: about how many units more it takes.
        detail: why the break was asked for, why they are paused or retired, or why the project is not open.
        version: of the guideline that is to be acknowledged first; 0: none is.
    """

    code: Code
    skills: tuple[str, ...] = ()
    ended_at_us: int | None = None
    until_us: int | None = None
    detail: str = ""
    about_more: int = 0
    version: int = 0


def not_given(life: str, reason: str) -> Why:
    """Return why nothing of a project is given to anybody that is paused or closed, for this reason."""
    return Why("paused" if life == "paused" else "closed", detail=reason)


def why_nothing(
    annotator: AnnotatorState,
    waiting: Collection[tuple[str, ...]],
    now_us: int,
    on_break: Break | None = None,
    progress: Progress | None = None,
    capped: Reached | None = None,
    gold_left: int = 1,
    stopped: Held | None = None,
) -> Why:
    """Return why an annotator who asked was given nothing.

    Args:
        annotator: who asked.
        waiting: the sets of skills that what waits for anyone takes, once each.
        now_us: the time.
        on_break: the break that they are on in the project.
        progress: how far they are in qualifying for it; None: they need not, or have.
        capped: the cap of the project that leaves them no room.
        gold_left: how many units they may still be given who are given hidden gold alone.
        stopped: the rule of the project by which they are given nothing new.
    """
    if (whatever_waits := _whatever_waits(annotator, now_us, on_break, progress, gold_left, stopped)) is not None:
        return whatever_waits
    if capped is not None:
        return Why("cap_reached", until_us=capped.until_us, detail=CAPS[capped.cap])
    able = abilities(annotator, now_us)
    if not waiting:
        return Why("nothing_waits")
    if any(fit(able, skills) for skills in waiting):
        return Why("had_all")
    # Who is nearest to something is told what they lack for that, and not all that anybody might.
    lacking = min((tuple(sorted(set(skills) - able)) for skills in waiting), key=lambda some: (len(some), some))
    ended = [
        credential.expires_at_us
        for credential in annotator.credentials
        if credential.domain in lacking and credential.expires_at_us is not None and credential.expires_at_us <= now_us
    ]
    lapsed = {credential.domain for credential in annotator.credentials if credential.expires_at_us in ended}
    if ended and lapsed.issuperset(lacking):
        return Why("credential_lapsed", lacking, max(ended))
    return Why("lacks_skill", lacking)


def _whatever_waits(
    annotator: AnnotatorState,
    now_us: int,
    on_break: Break | None,
    progress: Progress | None,
    gold_left: int,
    stopped: Held | None,
) -> Why | None:
    """Return why nothing that waits is given to them; None where it may be."""
    state = at_work(annotator, now_us)
    if state == "paused":
        return Why("annotator_paused", until_us=annotator.until_us, detail=annotator.reason)
    if state == "retired":
        return Why("annotator_retired", detail=annotator.reason)
    if stopped is not None and on_break is None:
        until_us = None if stopped.then == "pause" else stopped.until_us
        return Why("awaits_lead" if stopped.then == "pause" else "on_break", until_us=until_us, detail=stopped.reason)
    if on_break is not None:
        return Why("on_break", until_us=on_break.until_us, detail=on_break.reason)
    if progress is not None:
        failed: Code = "retraining" if progress.retraining and not progress.last else "not_qualified"
        code = failed if progress.standing == "failed" else _qualifying(gold_left)
        return Why(code, about_more=progress.about_more)
    return Why(_qualifying(gold_left)) if state == "qualifying" else None


def _qualifying(gold_left: int) -> Code:
    return "qualifying" if gold_left else "no_gold_left"
