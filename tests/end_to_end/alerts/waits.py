"""Causes that are somebody who waits: for a ruling, a word, an auditor, a receiver or the broker."""

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from concord.chassis.identity.caller import Role
from tests.end_to_end.alerts.job import ALONE, Job
from tests.end_to_end.alerts.run import ANNOTATOR, Town
from tests.end_to_end.alerts.troubles import HELD_SECONDS_MAX, restarted

BROKER = "kafka"
INSPECT_ALL = {"plan": "fraction", "fraction": 1.0, "aql": 0.01, "on_reject": "inspect_all"}
SECOND = "bea"
LOT_UNITS = 10
GIVE_UP_SECONDS, PAUSES_SECONDS = 200, (5, 15, 30)
"""Of deliveries, instead of a day and of pauses that grow to hours."""
APART_SECONDS = 120.0
BACKLOG_EVENTS, UNITS_AT_ONCE = 5_500, 500
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


class Understated:
    """Gold on which people err is all that is known of them, and auditors find each label right; then not each."""

    lots, hard, easy = 8, 10, 20

    async def cause(self, town: Town) -> None:
        """Have people answer gold that is harder than the work, and auditors find the work right."""
        await town.annotators()
        policy = {"consensus": ALONE["consensus"] | {"learn": "gold"}, "gold": {"rate": 0.9}}
        self.job = Job(town, "understated", lot={"size": LOT_UNITS}, audit=INSPECT_ALL, **policy)
        await self.job.define()
        await self.job.send(self.hard, gold="b")
        await self.job.send(self.easy, gold="a")
        # Gold is shown among real units.
        await self.job.send(2 * LOT_UNITS)
        await self.job.label(1)
        await self.job.label_all()
        for _ in range(self.lots):
            await self.job.lot(LOT_UNITS, 0)

    async def cure(self, town: Town) -> None:
        """Have as many labels found wrong as were expected to be."""
        gap = f'max(concord_confidence_gap_high{{project="{self.job.project_id}"}}) >= 0'
        async with asyncio.timeout(HELD_SECONDS_MAX):
            while await town.number(gap) is None:
                await self.job.lot(LOT_UNITS, LOT_UNITS // 2)


class Undelivered:
    """Receivers of webhooks take nothing; then they do, and what was given up meanwhile is sent again."""

    async def cause(self, town: Town) -> None:
        """Have a lot of each of two projects accepted, the second one later, so that the first is given up before."""
        constants = {"GIVE_UP_SECONDS": GIVE_UP_SECONDS, "PAUSES_SECONDS": list(PAUSES_SECONDS)}
        settings = [f"services.audit.domain.delivery:{name}={value}" for name, value in constants.items()]
        await restarted(town, "audit", *(word for setting in settings for word in ("--set", setting)))
        await town.annotators()
        self.takes, self.kept = False, AsyncExitStack()
        url = await self._receiver()
        self.jobs = [Job(town, f"hooked-{number}", lot={"size": 3}, audit=INSPECT_ALL) for number in range(2)]
        self.hooks: list[str] = []
        for job in self.jobs:
            await job.define()
            body = {"url": url, "events": ["lot.accepted"]}
            path = f"/v1/projects/{job.project_id}/webhooks"
            hook = await job.ask("audit", "POST", path, town.client, body)
            self.hooks.append(f"{path}/{hook['webhook_id']}/deliveries")
        first, second = self.jobs
        await first.lot(3, 0)
        await asyncio.sleep(APART_SECONDS)
        await second.lot(3, 0)

    async def _receiver(self) -> str:
        async def take(request: web.Request) -> web.Response:
            del request
            return web.Response(status=200 if self.takes else 503)

        app = web.Application()
        app.router.add_post("/", take)
        runner = web.AppRunner(app)
        await runner.setup()
        self.kept.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/"

    async def cure(self, town: Town) -> None:
        """Take what comes, and ask for what was given up."""
        self.takes = True
        for job, path in zip(self.jobs, self.hooks, strict=True):
            dead: Any = await job.ask("audit", "GET", f"{path}?status=dead", town.client)
            for delivery in dead["deliveries"]:
                await job.ask("audit", "POST", f"{path}/{delivery['delivery_id']}/resend", town.client, {})
        await asyncio.sleep(2 * max(PAUSES_SECONDS))
        await self.kept.aclose()


class BrokerAway:
    """The broker stands still while units are sent; then it goes on."""

    async def cause(self, town: Town) -> None:
        """Stop it, and send more than may wait."""
        job = Job(town, "unpublished")
        await job.define()
        await job.send(1)
        town.send(BROKER, signal.SIGSTOP)
        for _ in range(BACKLOG_EVENTS // UNITS_AT_ONCE):
            await job.send(UNITS_AT_ONCE)

    async def cure(self, town: Town) -> None:
        """Let it go on."""
        town.send(BROKER, signal.SIGCONT)
