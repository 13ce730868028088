"""What assign's routes reach: its use cases, and how what annotators are given is shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
from fastapi import Request

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.payload_links import payload_link
from concord.chassis.places.gather import Gather
from concord.chassis.projects import Project
from concord.chassis.settings import PayloadLinkSettings
from concord.labels import encoded
from services.assign.domain.reasons import Code, Why
from services.assign.domain.revision import earlier
from services.assign.domain.turns import Turns
from services.assign.domain.unit import Assignment, UnitState
from services.assign.handlers import Handlers, Leased
from services.assign.schemas import AssignmentOffer, Claimed, Nothing, timestamp

REASONS: Mapping[Code, str] = {
    "nothing_waits": "Nothing waits for you in this project now; ask again in a few seconds.",
    "had_all": "You have had all that waits in this project now; more comes when others let go or units are admitted.",
    "lacks_skill": "What waits in this project takes what you are not said to have: {skills}.",
    "credential_lapsed": "What waits in this project takes a credential of yours that ended at {ended_at}: {skills}.",
    "on_break": "You are on a break{until}{detail}",
    "paused": "This project is paused{detail}; what you hold may be finished, and more comes when it goes on.",
    "closed": "This project is closed{detail}; what you hold may be finished.",
    "not_acknowledged": "Read version {version} of the guideline and acknowledge it; then units are given to you.",
    "annotator_paused": "You are paused{until}{detail}",
    "annotator_retired": "You are retired{detail}",
    "qualifying": "You are qualifying, and have had all that there is to qualify by in this project now{more}.",
    "no_gold_left": "You are qualifying, and nothing is left to qualify by in this project{more}; its lead sees that.",
    "cap_reached": "You have done {detail}{until}.",
    "awaits_lead": "You are paused in this project until its lead has looked{detail}",
    "retraining": "You have not qualified for this project yet; look at what you missed, and try again.",
    "not_qualified": "You have not qualified for this project; ask the operator for another try.",
}
"""Why there is nothing, for people."""
NOT_GIVEN = ("paused", "closed")
HEADING_CHARACTERS_MAX = 120


class Desk:
    """What the routes reach: the handlers, and how a lease is shown.

    Args:
        handlers: assign's use cases.
        links: what payload links are made of.
        clock: time.
        gather: asks the service's other processes.

    Attributes:
        turns: which project's turn it is for those who name none.
    """

    def __init__(self, handlers: Handlers, links: PayloadLinkSettings, clock: Clock, gather: Gather) -> None:
        self.handlers = handlers
        self.gather = gather
        self.clock = clock
        self._link_us = links.seconds * MICROSECONDS
        secret, url = links.keys[0], links.ingest_url
        self._link: Callable[[str, int], str] = lambda unit_id, until_us: payload_link(secret, url, unit_id, until_us)
        self.turns = Turns()
        self._headings: dict[str, tuple[int, str]] = {}

    def offer(self, lease: Leased) -> AssignmentOffer:
        """Return a lease as its annotator sees it."""
        return AssignmentOffer(
            assignment_id=lease.assignment.id,
            unit_id=lease.unit.unit_id,
            payload_url=self.link(lease.unit, lease.assignment),
            media_type=lease.unit.media_type,
            lease_until=timestamp(lease.assignment.lease_until_us),
            guideline_version=lease.assignment.guideline_version,
            label_schema=self.label_schema(lease.project, lease.assignment.schema_version),
            schema_version=lease.assignment.schema_version,
            order=self.handlers.submissions.orders(lease.project, lease.assignment),
            draft_revision=self.handlers.drafting.repository.drafts.newest.get(lease.assignment.id, 0),
            comment=lease.unit.comment if lease.assignment.referral else "",
            earlier=earlier(lease.unit, lease.assignment) if lease.assignment.referral else "",
        )

    def link(self, unit: UnitState, assignment: Assignment) -> str:
        """Return the link to a unit's payload for whoever has it.

        It outlives the lease, so that a renewed one keeps it, and is the same as often as the lease is offered: a
        browser that has fetched the payload has it. Of a label that is looked at later it lasts as long anew.
        """
        until_us = max(assignment.lease_until_us, assignment.issued_at_us + self._link_us)
        if assignment.submitted_at_us and until_us < (now_us := self.clock.now_us()):
            until_us = now_us + self._link_us
        return self._link(unit.unit_id, until_us)

    async def claimed(self, leases: Sequence[Leased], annotator_id: str, project_id: str) -> Claimed:
        """Return leases as their annotator sees them, or why there are none."""
        if leases:
            return Claimed([self.offer(lease) for lease in leases])
        return Claimed([], *nothing(await self.handlers.waiting.why_nothing(annotator_id, project_id)))

    def heading(self, project: Project) -> str:
        """Return the heading of a project's guideline, by which annotators know it; empty where it has none."""
        known = self._headings.get(project.project_id)
        if known is None or known[0] != project.revision:
            known = (project.revision, _heading(project.guideline_text))
            self._headings[project.project_id] = known
        return known[1]

    def label_schema(self, project: Project, version: int | None = None) -> msgspec.Raw:
        """Return what is offered of a project's label schema as JSON.

        Args:
            project: whose.
            version: under which a unit was given out; None for the newest.
        """
        if version is not None and version < project.schema_version:
            return msgspec.Raw(encoded(project.offered(version).spec()))
        return msgspec.Raw(self.handlers.claims.projects.label_schema(project))


def nothing(why: Why) -> tuple[str, Nothing]:
    """Return why there is nothing, for people and for programs."""
    ended_at, until = (timestamp(at) if at is not None else "" for at in (why.ended_at_us, why.until_us))
    detail = f": {why.detail}" if why.detail else "."
    if why.code == "cap_reached":
        detail = f"{why.detail}; there is more for you" if until else why.detail
        until = until.replace("until", "from") if until else ""
    if why.code in NOT_GIVEN:
        detail = f" ({why.detail})" if why.detail else ""
    reason = REASONS[why.code].format(
        skills=", ".join(why.skills),
        ended_at=ended_at,
        until=f" until {until}" if until else "",
        detail=detail,
        more=f"; it takes about {why.about_more} more" if why.about_more else "",
        version=why.version,
    )
    return reason, Nothing(why.code, list(why.skills), ended_at, until, why.about_more, why.version)


def _heading(guideline: str) -> str:
    r"""Return the first heading of a text in Markdown.

    >>> _heading("Read all.\n## Toxic or not? ##\nSay yes."), _heading("Say yes or no.")
    ('Toxic or not?', '')
    """
    lines = (line.strip() for line in guideline.splitlines())
    first = next((line for line in lines if line.startswith("#") and line.strip("# ")), "")
    return first.strip("# ")[:HEADING_CHARACTERS_MAX]


def desk_of(request: Request) -> Desk:
    """Return what the routes reach."""
    return cast("Desk", request.app.state.service)
