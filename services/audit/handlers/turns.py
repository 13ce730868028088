"""Turns: every lot of which there is news is taken as far as it can go, away from whoever brought the news.

So neither a record nor a request waits for a plan or a certificate, one client's lot that cannot go on holds up nobody
else's, and a start goes on with whatever it finds.
"""

import asyncio
import logging
from collections import OrderedDict

from concord.chassis.errors import DeploymentFault, Passing
from concord.chassis.projects import Project
from services.audit.domain.lot import RECHECK
from services.audit.domain.place import OpenLot
from services.audit.domain.series import Discontinued
from services.audit.domain.verdict import Unplannable
from services.audit.handlers.drawing import Drawing
from services.audit.handlers.means import Means
from services.audit.handlers.radius import BlastRadius
from services.audit.handlers.rechecks import Rechecks
from services.audit.handlers.verdicts import Verdicts

AT_ONCE = 4
"""Projects whose lots are served at the same time; the lots of one project come one after another."""
BACK_OFF_SECONDS_FIRST = 0.2
BACK_OFF_SECONDS_MAX = 30.0

log = logging.getLogger(__name__)


class Turns:
    """The loop over lots of which there is news; a part of the process.

    What is kept is one entry for each open lot at most.
    """

    name = "lots"

    def __init__(
        self, means: Means, drawing: Drawing, verdicts: Verdicts, rechecks: Rechecks, blast_radius: BlastRadius
    ) -> None:
        self.means = means
        self.drawing = drawing
        self.verdicts = verdicts
        self.rechecks = rechecks
        self.blast_radius = blast_radius
        self._waiting: OrderedDict[str, dict[str, None]] = OrderedDict()
        self._served: set[str] = set()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._pauses: dict[str, float] = {}
        means.repository.news = self.note
        means.repository.dropped = means.tell_lots
        means.projects.listen(self._defined)

    def note(self, project_id: str, lot_id: str) -> None:
        """Hear that there is news of an open lot."""
        self._waiting.setdefault(project_id, {})[lot_id] = None
        self._idle.clear()
        self._news.set()

    async def start(self) -> None:
        """Nothing is to be done: whenever a place is loaded there is news of all its open lots."""

    async def run(self) -> None:
        """Serve until cancelled, anywhere: the next life goes on from the records."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._news.wait()
                self._news.clear()
                for project_id in list(self._waiting):
                    if len(self._served) < AT_ONCE and project_id not in self._served:
                        self._served.add(project_id)
                        group.create_task(self._serve(project_id, self._waiting.pop(project_id)))

    async def stop(self) -> None:
        """Nothing is to be finished: what is under way is left to be cancelled."""

    async def idle(self) -> None:
        """Return when every lot of which there was news has been served."""
        await self._idle.wait()

    async def _serve(self, project_id: str, lot_ids: dict[str, None]) -> None:
        for lot_id in lot_ids:
            lot = self.means.repository.open_lot(project_id, lot_id)
            if lot is not None:  # else it is accepted, or another process's by now, which has news of it too
                await self._take(lot)
            else:
                self._pauses.pop(lot_id, None)
        self._served.discard(project_id)
        self.means.tell_lots()
        if not self._waiting and not self._served:
            self._idle.set()
        self._news.set()

    async def _take(self, lot: OpenLot) -> None:
        """Take a lot as far as it can go now; nothing but a deployment's fault that is raised of it ends anything."""
        lot_id = lot.state.lot_id
        try:
            await self.blast_radius.note(lot)
            await self.blast_radius.hold(lot)
            if lot.state.status in RECHECK:
                await self.rechecks.take(lot)
            elif lot.drawable:
                await self.drawing.draw(lot)
            elif lot.inspected:
                await self.verdicts.judge(lot)
        except Unplannable as fault:
            lot.problem = f"No sample can be drawn: {fault}. Change the audit policy of the project."
            log.warning("lot %s: %s", lot_id, lot.problem)
        except Discontinued as fault:
            lot.problem = str(fault)
            log.warning("lot %s: %s", lot_id, lot.problem)
        except Passing as fault:
            lot.problem = f"It waits for something that is away: {fault}"
            self._again(lot)
        except DeploymentFault:
            raise
        except Exception:
            lot.problem = "It cannot be taken further; the operator's log says why."
            log.exception("lot %s cannot be taken further; it is tried again", lot_id)
            self._again(lot)
        else:
            lot.problem = ""
            self._pauses.pop(lot_id, None)

    def _again(self, lot: OpenLot) -> None:
        """Have a lot served again after a pause that grows."""
        lot_id = lot.state.lot_id
        pause = self._pauses.get(lot_id, BACK_OFF_SECONDS_FIRST)
        self._pauses[lot_id] = min(2 * pause, BACK_OFF_SECONDS_MAX)
        asyncio.get_running_loop().call_later(pause, self.note, lot.state.project_id, lot_id)

    def _defined(self, before: Project | None, project: Project) -> None:
        """Try the lots of a project that stand still, or wait for others, again when it was defined anew."""
        del before
        for lot in self.means.repository.open_lots(project.project_id):
            if lot.problem or lot.repeating or lot.state.status in RECHECK:
                self.note(project.project_id, lot.state.lot_id)
