"""What every use case of audit works with."""

from collections import Counter
from dataclasses import dataclass
from typing import get_args

from concord.chassis.clock import Clock
from concord.chassis.errors import Unavailable
from concord.chassis.journal.journal import Journal
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments, Tracing
from services.audit.domain.ledger import Ledger
from services.audit.domain.lot import Status
from services.audit.domain.signing import Signer
from services.audit.handlers.payloads import Payloads
from services.audit.repository import Repository

OPEN = tuple(status for status in get_args(Status) if status not in ("accepted", "rechecked"))


class ProjectNotHere(Unavailable):
    """The project's definition has not come, or could not be read."""


@dataclass(frozen=True, slots=True)
class Means:
    """Where facts are found and what they are worked with.

    Attributes:
        sample_secret: orders samples, so that nobody can foresee them.
        id_secret: keys ids; by it the unit is found that a client names.
    """

    repository: Repository
    journal: Journal
    projects: Table[Project]
    signer: Signer
    sample_secret: bytes
    id_secret: bytes
    ledger: Ledger
    payloads: Payloads
    instruments: Instruments
    tracing: Tracing
    clock: Clock

    def tell_lots(self) -> None:
        """Tell how many lots of this process are open, stand still, or wait for another auditor."""
        lots = self.repository.open_lots(None)
        self.instruments.gauge("concord_audit_lots_open").set(len(lots))
        standing = Counter(lot.state.status for lot in lots)
        for status in OPEN:
            self.instruments.gauge("concord_audit_lots_by_status", status).set(standing[status])
        self.instruments.gauge("concord_audit_lots_standing").set(sum(bool(lot.problem) for lot in lots))
        held = sum(lot.is_held for lot in lots)
        self.instruments.gauge("concord_audit_lots_held").set(held)
        self.instruments.gauge("concord_audit_lots_without_auditor").set(sum(lot.lacks_auditor for lot in lots))

    def project(self, project_id: str) -> Project:
        """Return a project as it is now.

        Raises:
            ProjectNotHere: nothing is known of it now.
        """
        found = self.projects.rows.get(project_id)
        if found is None:
            raise ProjectNotHere(f"Project {project_id} is not known here yet.")
        return found
