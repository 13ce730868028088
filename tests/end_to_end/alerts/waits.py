"""Causes that are somebody who waits: for a ruling, a lead's word, an auditor."""

from concord.chassis.identity.caller import Role
from tests.end_to_end.alerts.job import Job
from tests.end_to_end.alerts.run import ANNOTATOR, Town
from tests.end_to_end.alerts.troubles import HELD_SECONDS_MAX

INSPECT_ALL = {"plan": "fraction", "fraction": 1.0, "aql": 0.01, "on_reject": "inspect_all"}
SECOND = "bea"
LOT_UNITS = 10
PROMISED_SECONDS = 30
HASTY_LABELS = 3


class Escalations:
    """Two people disagree, and nobody rules; then somebody does."""

    async def cause(self, town: Town) -> None:
        """Have a unit escalated."""
        await town.annotators(ANNOTATOR, SECOND)
        policy = {"overlap": {"initial": 2, "max": 2}, "consensus": {"method": "majority", "confidence": 0.9}}
        self.job = Job(town, "disputed", **policy)
        await self.job.define()
        await self.job.send(1)
        for person, label in ((ANNOTATOR, "a"), (SECOND, "b")):
            await self.job.label(1, person, label)
        await town.until("concord_adjudicate_project_escalation_oldest_seconds", HELD_SECONDS_MAX)

    async def cure(self, town: Town) -> None:
        """Rule."""
        token = town.token(Role.ADJUDICATOR, "zed")
        path = f"/v1/escalations?project_id={self.job.project_id}"
        (unit,) = (await self.job.ask("adjudicate", "GET", path, token))["escalations"]
        ruling = {"label": "a", "reason": "It says a."}
        await self.job.ask("adjudicate", "POST", f"/v1/escalations/{unit['unit_id']}/ruling", token, ruling)


class Hasty:
    """Somebody who labels too fast is stopped and appeals, and no lead says a word; then one does."""

    async def cause(self, town: Town) -> None:
        """Have somebody stopped, and say why they should not be."""
        await town.annotators()
        pace = {"floor_seconds": 3.0, "hasty": HASTY_LABELS, "last": HASTY_LABELS + 1, "then": "pause"}
        self.job = Job(town, "hasty", pace=pace)
        await self.job.define()
        await self.job.send(HASTY_LABELS)
        self.path = f"/v1/projects/{self.job.project_id}/conduct"
        await self.job.label(HASTY_LABELS)
        body = {"rule": "pace", "reason": "They are short."}
        await self.job.ask("assign", "POST", f"{self.path}/appeals", town.token(Role.ANNOTATOR, ANNOTATOR), body)

    async def cure(self, town: Town) -> None:
        """Uphold the appeal."""
        word = {"annotator_id": ANNOTATOR, "rule": "pace", "outcome": "upheld", "reason": "They are."}
        await self.job.ask("assign", "POST", f"{self.path}/rulings", town.token(Role.OPERATOR, "operator"), word)


class Undecided:
    """A lot waits for an auditor for longer than its contract gives; then there is one."""

    async def cause(self, town: Town) -> None:
        """Have a lot sealed, and nobody inspect."""
        await town.annotators()
        self.job = Job(town, "undecided", lot={"size": LOT_UNITS}, audit=INSPECT_ALL)
        await self.job.define({"turnaround_p95_seconds": PROMISED_SECONDS})
        await self.job.send(LOT_UNITS)
        await self.job.label(LOT_UNITS)
        await town.until("concord_audit_project_lot_oldest_seconds", HELD_SECONDS_MAX)

    async def cure(self, town: Town) -> None:
        """Inspect it."""
        del town
        await self.job.inspect(before=0, wrong=0)
