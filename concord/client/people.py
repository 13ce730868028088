"""The work of people: annotators claim and submit, adjudicators rule, auditors check."""

from typing import Literal

from concord.client.asking import answered, decoded, got, path_of, query_of, sent
from concord.client.models import Json
from concord.client.steps import Flow, Send
from concord.client.work import (
    AssignmentState,
    Claimed,
    ClaimedOfAny,
    Draft,
    DraftSaved,
    Escalation,
    Escalations,
    Inspections,
    Ruled,
    Standing,
    Submitted,
    Verdict,
    Verdicts,
)

WAIT_SECONDS_MAX = 20
DRAFT = "/v1/assignments/{id}/draft"


def claim(project_id: str, *, units: int = 1, wait_seconds: int = 0) -> Flow[Claimed]:
    """Hold units of a project; what is held already is told again first.

    Args:
        project_id: of which project.
        units: how many to hold, 1 to 50.
        wait_seconds: how long to wait where there is nothing, 20 at most.
    """
    body = {"units": units, "wait_seconds": wait_seconds}
    return sent(Claimed, "assign", "POST", path_of("/v1/projects/{id}/claims", id=project_id), body)


def claim_any(*, units: int = 1) -> Flow[ClaimedOfAny]:
    """Hold units of whichever project's turn it is: where some are held, else what is most urgent."""
    return sent(ClaimedOfAny, "assign", "POST", "/v1/claims", {"units": units})


def submit(
    assignment_id: str,
    label: Json,
    *,
    active_ms: float = 0,
    flag: str = "",
    next_units: int = 0,
    confirmed: bool = False,
) -> Flow[Submitted]:
    """Give a label, and take the next units at once where `next_units` are wanted.

    Args:
        assignment_id: which unit it is of.
        label: of the project's schema.
        active_ms: how long it was worked on.
        flag: why the unit is odd, if it is.
        next_units: how many to hold after it.
        confirmed: a second yes, where so fast a label was refused for want of it.
    """
    body = {"label": label, "active_ms": active_ms, "flag": flag, "next": next_units, "confirmed": confirmed}
    return sent(Submitted, "assign", "POST", path_of("/v1/assignments/{id}/submission", id=assignment_id), body)


def save_draft(
    assignment_id: str, draft: Json, *, revision: int = 0, active_ms: float = 0, flag: str = ""
) -> Flow[DraftSaved]:
    """Keep what there is of a label for as long as its unit is held.

    Args:
        assignment_id: which unit it is of.
        draft: any JSON, which comes back as it is.
        revision: of the draft that this one was made from; 0: there was none.
        active_ms: all that was spent on the unit so far.
        flag: why the unit is odd, if it is.
    """
    body = {"draft": draft, "revision": revision, "active_ms": active_ms, "flag": flag}
    return sent(DraftSaved, "assign", "PUT", path_of(DRAFT, id=assignment_id), body)


def draft(assignment_id: str) -> Flow[Draft]:
    """Return what is kept of a label; an offer's `draft_revision` says whether anything is."""
    return got(Draft, "assign", path_of(DRAFT, id=assignment_id))


def forget_draft(assignment_id: str) -> Flow[DraftSaved]:
    """Delete what is kept of a label; it goes by itself when the unit is held no more."""
    return sent(DraftSaved, "assign", "DELETE", path_of(DRAFT, id=assignment_id))


def standing() -> Flow[Standing]:
    """Return who the calling annotator is here, and what it holds."""
    return got(Standing, "assign", "/v1/me")


def skip(assignment_id: str, reason: str, code: str = "other") -> Flow[AssignmentState]:
    """Pass a unit over, with the reason in words.

    Args:
        assignment_id: which.
        reason: why.
        code: guideline_unclear, payload_broken, language, knowledge, harm or other.
    """
    body = {"reason": reason, "code": code}
    return sent(AssignmentState, "assign", "POST", path_of("/v1/assignments/{id}/skip", id=assignment_id), body)


def payload(payload_url: str) -> Flow[Json]:
    """Return what a unit says, by the link that came with it: a text, or JSON."""
    answer = yield from answered(Send("", "GET", payload_url))
    if answer.headers.get("content-type", "").startswith("text/"):
        return answer.body.decode()
    return decoded(object, answer.body)


def escalations(project_id: str = "", *, limit: int = 50) -> Flow[list[Escalation]]:
    """Return what the caller may rule, most to be gained first."""
    found = yield from got(Escalations, "adjudicate", "/v1/escalations", query_of(project_id=project_id, limit=limit))
    return found.escalations


def rule(unit_id: str, label: Json, reason: str) -> Flow[Ruled]:
    """Rule an escalated unit; the ruling is binding."""
    return _ruled(unit_id, {"label": label, "reason": reason})


def rule_unanswerable(unit_id: str, reason: str) -> Flow[Ruled]:
    """Rule that no label is right for an escalated unit, whatever one knows: it is settled without one."""
    return _ruled(unit_id, {"outcome": "unanswerable", "reason": reason})


def rule_unclear(unit_id: str, reason: str, *, question_id: str = "") -> Flow[Ruled]:
    """Say that the guideline does not tell how an escalated unit is to be labelled: it waits for an answer.

    Args:
        unit_id: which.
        reason: what is not said.
        question_id: the question that it joins; empty for the one on its annotators' labels.
    """
    return _ruled(unit_id, {"outcome": "guideline_unclear", "reason": reason, "question_id": question_id})


def refer_back(unit_id: str, comment: str, *, to: Literal["same", "others"] = "same") -> Flow[Ruled]:
    """Send an escalated unit back to annotators in place of a ruling: its labels are set aside.

    Args:
        unit_id: which.
        comment: to who is given it then.
        to: `same`: who labelled it, to look again; `others`: annotators who did not.

    Raises:
        Refused: it was sent back twice since its lot last was, or there is nobody of whom this says.
    """
    return _ruled(unit_id, {"outcome": "refer_back", "reason": comment, "to": to})


def _ruled(unit_id: str, body: dict[str, Json]) -> Flow[Ruled]:
    return sent(Ruled, "adjudicate", "POST", path_of("/v1/escalations/{id}/ruling", id=unit_id), body)


def inspections(project_id: str = "", *, limit: int = 50) -> Flow[Inspections]:
    """Return what the caller may inspect, in the order of the samples."""
    return got(Inspections, "audit", "/v1/inspections", query_of(project_id=project_id, limit=limit))


def inspect(unit_id: str, label: Json, *, reason: str = "") -> Flow[Verdict]:
    """Give an auditor's own label of a unit, blind."""
    body = {"verdicts": [{"unit_id": unit_id, "label": label, "reason": reason}]}
    verdicts = yield from sent(Verdicts, "audit", "POST", "/v1/inspections", body)
    return verdicts.results[0]
