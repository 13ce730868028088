"""Whether an annotator is at work: invited, qualifying, active, paused or retired; and who is looked for among all.

Somebody invited is active from their first claim on. Somebody qualifying is given hidden gold alone, in every project.
Whoever is paused or retired is given nothing new; what they hold may be finished, and a label of theirs is taken. A
pause may have an end. Who is retired is counted on for no unit: what waits for them alone is told to wait for nobody.
"""

from collections.abc import Mapping

import msgspec

from services.assign.domain.eligibility import AnnotatorKind, AnnotatorState, AtWork, revised
from services.assign.domain.refusals import StateRefused

LEADS_TO: Mapping[AtWork, tuple[AtWork, ...]] = {
    "invited": ("qualifying", "active", "paused", "retired"),
    "qualifying": ("active", "paused", "retired"),
    "active": ("qualifying", "paused", "retired"),
    "paused": ("qualifying", "active", "retired"),
    "retired": ("invited", "qualifying", "active"),
}
"""Which state may follow which; the same again, with another reason or end, always may."""


def at_work(annotator: AnnotatorState, now_us: int) -> AtWork:
    """Return the state that holds now: a pause that is over is none.

    >>> away = AnnotatorState("ann", state="paused", until_us=20, after="qualifying")
    >>> at_work(away, 19), at_work(away, 20)
    ('paused', 'qualifying')
    """
    over = annotator.state == "paused" and annotator.until_us is not None and annotator.until_us <= now_us
    return annotator.after if over else annotator.state


def changed(
    annotator: AnnotatorState, wanted: AtWork, now_us: int, reason: str = "", until_us: int | None = None
) -> AnnotatorState:
    """Return the annotator in the wanted state, not yet as a revision of their own.

    Args:
        annotator: as they are.
        wanted: the state.
        now_us: the time.
        reason: why, as they are told it.
        until_us: when it is over, for a pause alone.

    Raises:
        StateRefused: nobody comes from their state to that one, or the end is none.
    """
    before = at_work(annotator, now_us)
    if wanted not in (before, *LEADS_TO[before]):
        cure = f"send one of {', '.join((before, *LEADS_TO[before]))}"
        raise StateRefused(f"Somebody {before} cannot be {wanted} next.", field="state", cure=cure)
    if until_us is not None and wanted != "paused":
        raise StateRefused("Only a pause has an end.", field="until", cure="leave it out")
    if until_us is not None and until_us <= now_us:
        raise StateRefused("The end of the pause has passed.", field="until", cure="send a time to come")
    if (annotator.state, annotator.reason, annotator.until_us) == (wanted, reason, until_us):
        return annotator
    since_us = annotator.since_us if annotator.state == wanted else now_us
    after = before if before in ("qualifying", "active") else annotator.after if before == "paused" else "active"
    return msgspec.structs.replace(
        annotator, state=wanted, since_us=since_us, reason=reason, until_us=until_us, after=after
    )


def arrived(annotator: AnnotatorState, now_us: int) -> AnnotatorState | None:
    """Return somebody who was invited and came, as active; None for anybody else."""
    if annotator.state != "invited":
        return None
    return revised(annotator, changed(annotator, "active", now_us))


class Sought(msgspec.Struct, frozen=True):
    """Who is looked for in the roster: all that is said must hold; what is empty holds of everybody.

    Attributes:
        skill: they have it, or a credential in it that holds.
        text: stands in their name or their vendor's, in whatever case.
    """

    state: AtWork | None = None
    kind: AnnotatorKind | None = None
    skill: str = ""
    language: str = ""
    vendor: str = ""
    text: str = ""

    def holds(self, annotator: AnnotatorState, now_us: int) -> bool:
        """Return whether somebody is one of those."""
        able = not self.skill or self.skill in annotator.skills or _certified(annotator, self.skill, now_us)
        return (
            able
            and self.state in (None, at_work(annotator, now_us))
            and self.kind in (None, annotator.kind)
            and (not self.language or self.language in annotator.languages)
            and self.vendor in ("", annotator.vendor)
            and _said_in(self.text, annotator)
        )


def _certified(annotator: AnnotatorState, domain: str, now_us: int) -> bool:
    return any(credential.domain == domain and credential.holds(now_us) for credential in annotator.credentials)


def _said_in(text: str, annotator: AnnotatorState) -> bool:
    wanted = text.casefold()
    return wanted in annotator.annotator_id.casefold() or wanted in annotator.vendor.casefold()
