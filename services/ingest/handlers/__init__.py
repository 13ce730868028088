"""What ingest does: one use case a method, one concern a file.

Each loads through the repository, asks the domain, and appends to the journal: `projects` defines what is to be
labelled, `admission` takes units in and `telling` tells the others of them, `imports` keeps how far a large file was
read, `lots` cuts what was admitted into what is judged together, `erasure` withdraws what was sent, `reidentification`
says who is behind it; `gold` makes gold of resolved units that a person chose; `room` counts what is open, and
`waiting` keeps what there is no room for.
"""

from dataclasses import dataclass

from concord.chassis.annotators import AnnotatorRow
from concord.chassis.clock import Clock
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments
from concord.privacy import Beside
from services.ingest.handlers.admission import Admissions
from services.ingest.handlers.erasure import Erasure
from services.ingest.handlers.gold import ChosenGold
from services.ingest.handlers.imports import Imports
from services.ingest.handlers.lots import Lots, Mine
from services.ingest.handlers.outcome import Admission
from services.ingest.handlers.projects import Projects
from services.ingest.handlers.reidentification import Reidentification
from services.ingest.handlers.room import Room
from services.ingest.handlers.waiting import WaitingRecords
from services.ingest.repository import ImportStore, Repository

__all__ = [
    "Admission",
    "Admissions",
    "ChosenGold",
    "Erasure",
    "Handlers",
    "Imports",
    "Lots",
    "Projects",
    "Reidentification",
    "Room",
    "WaitingRecords",
]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Ingest's use cases."""

    projects: Projects
    admissions: Admissions
    lots: Lots
    imports: Imports
    erasure: Erasure
    waiting: WaitingRecords
    reidentification: Reidentification
    gold: ChosenGold

    @classmethod
    def of(
        cls,
        repository: Repository,
        mine: Mine,
        annotators: Table[AnnotatorRow],
        instruments: Instruments,
        clock: Clock,
        beside: Beside | None = None,
    ) -> "Handlers":
        """Return the use cases over one repository.

        Args:
            repository: where facts are found.
            mine: which places are this process's own.
            annotators: who could label what is admitted.
            instruments: those of `telemetry.INSTRUMENTS`.
            clock: time.
            beside: makes what finds personal data beside our own rules; None: nothing does.
        """
        admissions = Admissions(repository, mine, annotators, instruments, clock, beside)
        imports = Imports(ImportStore(repository.store, repository.id_secret, repository.sealer), clock)
        lots = Lots(repository, mine, clock)
        waiting = WaitingRecords(repository, admissions.room, mine, instruments, clock)
        asking, erasure = Reidentification(repository, instruments), Erasure(repository, admissions.telling)
        gold = ChosenGold(repository, admissions, erasure)
        return cls(Projects(repository, clock), admissions, lots, imports, erasure, waiting, asking, gold)
