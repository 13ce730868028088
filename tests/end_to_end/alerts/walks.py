"""The causes, each with its cure and the alerts that follow."""

import asyncio
import signal
import time

from concord.contracts.topics import PROJECTS
from services.metrics.domain.drift import REFERENCE_UNITS
from services.metrics.shown import PROJECTS_SHOWN_MAX, QUIET_SECONDS
from tests.end_to_end.alerts.job import Job
from tests.end_to_end.alerts.run import Town
from tests.end_to_end.alerts.topics import settings_of

HOUR_SECONDS = 3_600
HELD_SECONDS_MAX = 300.0
WITHHELD = 20
AT_ONCE = 8
SLOW_ROUNDS, SLOW_LABELS, SLOW_SECONDS = 30, 20, 1.4
FAST_PEOPLE, FAST_LABELS = 8, 10_000
RECORD_BYTES = 2_000
STORE = "mongodb"


class Graded:
    """Auditors find two of ten labels wrong, lot after lot; then every label right."""

    lots, units, wrong = 6, 10, 2

    async def cause(self, town: Town) -> None:
        """Have lots rejected."""
        await town.annotators()
        plan = {"plan": "fraction", "fraction": 1.0, "aql": 0.01, "on_reject": "inspect_all"}
        self.job = Job(town, "graded", lot={"size": self.units}, audit=plan)
        await self.job.define({"audit_pass_rate": 0.9})
        for _ in range(self.lots):
            await self.job.lot(self.units, self.wrong)

    async def cure(self, town: Town) -> None:
        """Have lots accepted until neither is so any more."""
        project = f'project="{self.job.project_id}"'
        breached = f'concord_contract_breached{{measure="audit_pass_rate", {project}}}'
        over = f"max(concord_confidence_gap_low{{{project}}}) <= 0 and max({breached}) == 0"
        until = time.monotonic() + HELD_SECONDS_MAX
        while await town.number(over) is None and time.monotonic() < until:
            await self.job.lot(self.units, 0)


class Discontinued:
    """Lot after lot is rejected under ISO 2859-1, until inspection is discontinued."""

    units, rejected = 3, 7

    async def cause(self, town: Town) -> None:
        """Have inspection discontinued, and one lot more sealed."""
        await town.annotators()
        plan = {"plan": "iso_2859_1", "aql": 0.065, "ltpd": 0.3, "on_reject": "inspect_all"}
        self.job = Job(town, "discontinued", lot={"size": self.units}, audit=plan)
        await self.job.define({"audit_pass_rate": 0.0})
        for _ in range(self.rejected):
            await self.job.lot(self.units, self.units)
        await self.job.send(self.units)
        await self.job.label(self.units)
        await town.until("sum(concord_audit_lots_standing) > 0", HELD_SECONDS_MAX)

    async def cure(self, town: Town) -> None:
        """Say that the cause was put right."""
        path = f"/v1/projects/{self.job.project_id}/inspection/resumption"
        await self.job.ask("audit", "POST", path, town.client, {"reason": "The guideline says more."})


class Drift:
    """Texts become long from one hour to the next; then they are as they were."""

    async def cause(self, town: Town) -> None:
        """Send as many units as are held for the beginning, and long ones in the next hour."""
        await town.annotators()
        self.job = Job(town, "drift")
        await self.job.define()
        await self._sent(REFERENCE_UNITS + 100, every=10)
        seconds = HOUR_SECONDS - time.time() % HOUR_SECONDS
        town.say(f"the next hour begins in {seconds:.0f} s")
        await asyncio.sleep(seconds + 1)
        await self._sent(300, every=1)

    async def cure(self, town: Town) -> None:
        """Send enough of the old kind."""
        del town
        for _ in range(6):
            await self._sent(500, every=12)

    async def _sent(self, count: int, every: int) -> None:
        """Send units of which one in so many is long."""
        await self.job.send(count, lambda number: f"{number} " + "word " * (400 if number % every == 0 else 3))
        await self.job.label(1)


class Room:
    """More projects change than one process may show."""

    async def cause(self, town: Town) -> None:
        """Have all of them labelled once."""
        await town.annotators()
        self.jobs = [Job(town, f"room-{number}") for number in range(PROJECTS_SHOWN_MAX + WITHHELD)]
        self.since = time.monotonic()
        turns = asyncio.Semaphore(AT_ONCE)

        async def begin(job: Job) -> None:
            async with turns:
                await job.define()
                await job.send(2)
                await job.label(1)

        await asyncio.gather(*map(begin, self.jobs))
        await town.until('concord_metrics_series_withheld{kind="project"} > 0', HELD_SECONDS_MAX)

    async def cure(self, town: Town) -> None:
        """Let them be quiet for long enough."""
        del town
        await asyncio.sleep(max(0.0, self.since + QUIET_SECONDS - time.monotonic()))


class Parked:
    """The cluster takes less than the catalogue says."""

    async def cause(self, town: Town) -> None:
        """Have the topic of projects take small records alone, and define a project with a long guideline."""
        self.settings = await settings_of(town.stack.kafka_bootstrap, PROJECTS.name, {})
        await settings_of(
            town.stack.kafka_bootstrap, PROJECTS.name, self.settings | {"max.message.bytes": str(RECORD_BYTES)}
        )
        self.job = Job(town, "parked")
        self.guideline = " ".join(f"{number * 7_919 % 10_007:x}" for number in range(4 * RECORD_BYTES))
        await self.job.define(guideline=self.guideline)

    async def cure(self, town: Town) -> None:
        """Put the setting back, and define the project anew."""
        await settings_of(town.stack.kafka_bootstrap, PROJECTS.name, self.settings)
        await town.annotators()
        await self.job.define(guideline=f"{self.guideline} Say a or b.")
        await self.job.send(1)
        await self.job.label(1)


class SlowStore:
    """The store takes more than a second for each acknowledgement; then it does not."""

    async def cause(self, town: Town) -> None:
        """Have labels wait for a store that stands still for a moment, again and again."""
        await town.annotators()
        self.job = Job(town, "slow")
        await self.job.define()
        await self.job.send(SLOW_ROUNDS * SLOW_LABELS)
        for _ in range(SLOW_ROUNDS):
            given = await self.job.claim(SLOW_LABELS)
            town.send(STORE, signal.SIGSTOP)
            try:
                waiting = asyncio.gather(*map(self.job.submit, given))
                await asyncio.sleep(SLOW_SECONDS)
            finally:
                town.send(STORE, signal.SIGCONT)
            await waiting

    async def cure(self, town: Town) -> None:
        """Label on with a store that answers: the half hour that the alert looks at must be good again."""
        del town
        jobs = [Job(self.job.town, f"fast-{number}") for number in range(FAST_PEOPLE)]

        async def work(job: Job) -> None:
            await job.define()
            for _ in range(FAST_LABELS // FAST_PEOPLE // 250):
                await job.send(250)
                await job.label(250)

        await asyncio.gather(*map(work, jobs))


class StoreAway:
    """The store answers nobody."""

    async def cause(self, town: Town) -> None:
        """Give out a unit for a minute, and stop the store."""
        await town.annotators()
        job = Job(town, "away", lease={"seconds": 60})
        await job.define()
        await job.send(5)
        await job.label(1)
        await job.claim(4)
        town.send(STORE, signal.SIGSTOP)

    async def cure(self, town: Town) -> None:
        """Have it answer."""
        town.send(STORE, signal.SIGCONT)


class MetricsAway:
    """People label, and metrics is not there."""

    async def cause(self, town: Town) -> None:
        """End metrics, and label on."""
        await town.annotators()
        self.job = Job(town, "uncounted")
        await self.job.define()
        await self.job.send(20)
        await self.job.label(20)
        await town.until("sum(concord_annotations) > 0", HELD_SECONDS_MAX)
        await asyncio.sleep(60)
        await asyncio.to_thread(town.stack.kill, "metrics")
        self.labelling = asyncio.create_task(self._label())

    async def cure(self, town: Town) -> None:
        """Start it again."""
        await asyncio.to_thread(town.stack.restart, "metrics")
        await asyncio.sleep(60)
        self.labelling.cancel()

    async def _label(self) -> None:
        while True:
            await self.job.send(UNITS_A_STEP)
            await self.job.label(UNITS_A_STEP)
            await asyncio.sleep(STEP_SECONDS)


UNITS_A_STEP, STEP_SECONDS = 10, 5.0
