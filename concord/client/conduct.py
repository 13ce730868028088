"""Conduct: against whom a project's rules of pace and skips hold, and a lead's word that lets them go on."""

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.steps import Flow

PATH = "/v1/projects/{id}/conduct"


class HeldRule(Struct, frozen=True, omit_defaults=True):
    """A rule, `pace` or `skips`, and what comes of it: `note`, `confirm`, `break` (`until` then) or `pause`."""

    rule: str
    then: str
    reason: str
    since: str
    count: int
    of: int
    floor_ms: int = 0
    until: str = ""


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
