"""An escalated unit is referred back: to those who labelled it, with a comment, or to annotators who did not."""

from typing import Literal

import msgspec

from concord.labels.digest import label_digest
from services.adjudicate.domain.escalation import NotEscalated, RulingRefused, heard
from services.adjudicate.domain.rule import Referral
from services.adjudicate.domain.unit import Annotation, UnitState, anew

To = Literal["same", "others"]
"""Whom it goes to: who labelled it, to look again; or others, who did not."""
REFERRALS_MAX = 2
"""How often a unit is referred back before its lot leaves or is sent back: then somebody has to rule it."""
SET_ASIDE_CHARACTERS_MAX = 500_000
"""Labels that are set aside are kept for adjudicators to look at, up to so many characters a unit; else digests."""


class ReferralsUsedUp(NotEscalated):
    """The unit was referred back as often as it may be."""

    field = "outcome"
    cure = "rule it, or say that it is unanswerable"


def referred(
    state: UnitState | None, adjudicator_id: str, comment: str, to: To, at_us: int, *, gives_work: bool = True
) -> UnitState:
    """Return the unit after an adjudicator sent it back: open, with the labels that it had set aside.

    Args:
        state: the unit.
        adjudicator_id: who sends it back.
        comment: to those who are asked then.
        to: whom it goes to.
        at_us: when, microseconds since the epoch, UTC.
        gives_work: whether its project is not closed: nobody is given anything of one that is.

    Raises:
        EscalationDoesNotExist, NotEscalated, RulingRefused: as `escalation.ruled`.
        ReferralsUsedUp: see there.
    """
    after = heard(state, adjudicator_id, comment)
    if len(after.referrals) >= REFERRALS_MAX:
        raise ReferralsUsedUp(f"The unit was referred back {len(after.referrals)} times, as often as it may be.")
    if not gives_work:
        raise NotEscalated("The unit's project is closed, and nobody is given anything of it.")
    names = tuple(dict.fromkeys(given.annotator_id for given in after.counted())) if to == "same" else ()
    if to == "same" and not names:
        raise RulingRefused("to", "names annotators, and nobody has labelled the unit", "send it to others")
    if to == "others" and after.named:
        raise RulingRefused("to", "is others, and the unit may be given to nobody but whom it names", "send it to same")
    referral = Referral(adjudicator_id, comment, at_us, names)
    return msgspec.structs.replace(
        anew(after), annotations=_set_aside(after), referrals=(*after.referrals, referral), led_with=0.0
    )


def wanted(state: UnitState, overlap_initial: int, overlap_max: int) -> int:
    """Return how many labels a unit that was referred back is to get at first."""
    return len(state.referrals[-1].names) or min(overlap_initial, overlap_max)


def _set_aside(state: UnitState) -> tuple[Annotation, ...]:
    """Return the unit's annotations, without the labels where those that are set aside by now are too long."""
    if sum(len(given.label) for given in state.annotations) <= SET_ASIDE_CHARACTERS_MAX:
        return state.annotations
    return tuple(
        msgspec.structs.replace(given, label="", digest=given.digest or label_digest(given.label.encode()))
        for given in state.annotations
    )
