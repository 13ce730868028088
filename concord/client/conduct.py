"""Conduct: against whom a project's rules of pace and skips hold, what they say to it, and a lead's word."""

from typing import Literal

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.steps import Flow

PATH = "/v1/projects/{id}/conduct"


class ConductAppeal(Struct, frozen=True, omit_defaults=True):
    """What somebody says to a rule that holds against them.

    `outcome` is open, upheld, declined or over (it ended unruled); `ruling` is why.
    """

    reason: str
    at: str
    outcome: str
    ruling: str = ""
    ruled_at: str = ""


class HeldRule(Struct, frozen=True, omit_defaults=True):
    """A rule, `pace` or `skips`, and what comes of it: `note`, `confirm`, `break` (`until` then) or `pause`.

    `times_ms` is the evidence: active time of the last labels, None of a skip.
    """

    rule: str
    then: str
    reason: str
    since: str
    count: int
    of: int
    floor_ms: int = 0
    until: str = ""
    times_ms: list[int | None] = []
    appeal: ConductAppeal | None = None


class OwnConduct(Struct, frozen=True):
    """What holds against the caller in a project, each to be appealed once, and what became of the last appeals."""

    project_id: str
    rules: list[HeldRule]
    answers: list[HeldRule]


class ConductRuled(Struct, frozen=True):
    """A ruling that is taken, and told."""

    annotator_id: str
    rule: str
    outcome: str


class Conduct(Struct, frozen=True):
    """What holds against an annotator."""

    annotator_id: str
    rules: list[HeldRule]


class Conducts(Struct, frozen=True):
    """A page of those against whom something holds."""

    annotators: list[Conduct]
    next: str


class Released(Struct, frozen=True):
    """Somebody against whom nothing holds any more."""

    annotator_id: str


def conduct(project_id: str) -> Flow[list[Conduct]]:
    """Return against whom a project's rules of pace and skips hold now, by name."""
    found: list[Conduct] = []
    cursor = ""
    while True:
        page = yield from got(Conducts, "assign", path_of(PATH, id=project_id), query_of(cursor=cursor))
        found += page.annotators
        cursor = page.next
        if not cursor:
            return found


def release(project_id: str, annotator_id: str) -> Flow[Released]:
    """Let somebody go on who broke a rule: nothing that they did before is held against them."""
    return sent(Released, "assign", "POST", path_of(PATH, id=project_id), {"annotator_id": annotator_id})


def own_conduct(project_id: str) -> Flow[OwnConduct]:
    """Return what holds against the caller in a project, by what evidence and until when, and answers to appeals."""
    return got(OwnConduct, "assign", path_of(f"{PATH}/mine", id=project_id))


def appeal_conduct(project_id: str, rule: Literal["pace", "skips"], reason: str) -> Flow[HeldRule]:
    """Say why a rule should not hold against the caller; once, each time that it begins to.

    Raises:
        Conflict: it does not hold, or was appealed before.
    """
    return sent(HeldRule, "assign", "POST", path_of(f"{PATH}/appeals", id=project_id), {"rule": rule, "reason": reason})


def rule_conduct(
    project_id: str,
    annotator_id: str,
    rule: Literal["pace", "skips"],
    outcome: Literal["upheld", "declined"],
    reason: str,
) -> Flow[ConductRuled]:
    """Rule on what somebody says to a rule that holds against them, as its lead.

    Args:
        project_id: in which project.
        annotator_id: who appealed.
        rule: against which rule.
        outcome: `upheld`: they go on, with nothing against them; `declined`: it stands.
        reason: why, as they are told it.
    """
    body = {"annotator_id": annotator_id, "rule": rule, "outcome": outcome, "reason": reason}
    return sent(ConductRuled, "assign", "POST", path_of(f"{PATH}/rulings", id=project_id), body)
