"""What assign does: one use case a method, one concern a file.

Each loads through the repository, asks the domain, and appends to the journal: `units` takes in what other services
tell, `claims` gives units out for places that `desks` has, `submissions` takes labels in, `onward` does both in one go,
`revising` takes others in their place, `drafting` keeps what people have of a label before they send it, `conduct`
holds what they do against their project's rules, `waiting` has claims wait and says why there is nothing, `qualifying`
says who is given gold alone,
`leases` ends and prolongs, `annotators` says who is who, `standing` where each of them stands, `acknowledging` who has
read which guideline, `stranded` finds what waits for nobody, `closing` ends the wait in projects that are closed, and
`gold_stocks` says how much gold is left, and `floor` who works and what waits.
"""

from dataclasses import dataclass

from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments
from services.assign.handlers.acknowledging import Acknowledging
from services.assign.handlers.annotators import Annotators, Entry
from services.assign.handlers.claims import Claims, Leased
from services.assign.handlers.closing import Closing
from services.assign.handlers.conduct import Conduct
from services.assign.handlers.conduct_appeals import ConductAppeals
from services.assign.handlers.deciding import Projects, Requests
from services.assign.handlers.desks import Desks
from services.assign.handlers.drafting import Drafting
from services.assign.handlers.floor import Floor
from services.assign.handlers.gold_stocks import GoldStocks
from services.assign.handlers.leases import EXPIRE_LEASES_MAX, Leases
from services.assign.handlers.onward import Onward
from services.assign.handlers.qualifying import Qualifying
from services.assign.handlers.revising import Given, Revising, Revision
from services.assign.handlers.standing import InProject, Standings
from services.assign.handlers.stranded import Stranded, Waits
from services.assign.handlers.submissions import Answer, Submissions, Taken
from services.assign.handlers.units import UnitChange, Units
from services.assign.handlers.waiting import WAIT_SECONDS_MAX, Waiting
from services.assign.repository import Repository

__all__ = [
    "EXPIRE_LEASES_MAX",
    "WAIT_SECONDS_MAX",
    "Acknowledging",
    "Annotators",
    "Answer",
    "Claims",
    "Closing",
    "Conduct",
    "ConductAppeals",
    "Drafting",
    "Entry",
    "Floor",
    "Given",
    "GoldStocks",
    "Handlers",
    "InProject",
    "Leased",
    "Leases",
    "Onward",
    "Projects",
    "Qualifying",
    "Revising",
    "Revision",
    "Standings",
    "Stranded",
    "Submissions",
    "Taken",
    "UnitChange",
    "Units",
    "Waiting",
    "Waits",
]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Assign's use cases."""

    projects: Projects
    units: Units
    annotators: Annotators
    acknowledging: Acknowledging
    claims: Claims
    submissions: Submissions
    onward: Onward
    waiting: Waiting
    leases: Leases
    stranded: Stranded
    closing: Closing
    standings: Standings
    qualifying: Qualifying
    gold_stocks: GoldStocks
    conduct: Conduct
    conduct_appeals: ConductAppeals
    floor: Floor
    drafting: Drafting
    revising: Revising

    @classmethod
    def of(
        cls, repository: Repository, table: Table[Project], instruments: Instruments, clock: Clock, writer: str
    ) -> "Handlers":
        """Return the use cases over one repository.

        Args:
            repository: where facts are found.
            table: the projects as ingest defined them.
            instruments: those of `telemetry.INSTRUMENTS`.
            clock: time.
            writer: this process's name; with a count it names requests.
        """
        projects, requests = Projects(table), Requests(writer)
        annotators, desks = Annotators(repository, requests), Desks(repository, requests, clock)
        acknowledging = Acknowledging(repository, projects, annotators)
        qualifying = Qualifying(repository, projects, requests)
        conduct = Conduct(repository, projects, requests, instruments, clock)
        claims = Claims(
            repository, projects, annotators, acknowledging, desks, qualifying, conduct, requests, instruments, clock
        )
        submissions = Submissions(repository, projects, conduct, instruments, clock)
        return cls(
            projects=projects,
            units=Units(repository, projects),
            annotators=annotators,
            acknowledging=acknowledging,
            claims=claims,
            submissions=submissions,
            waiting=Waiting(repository, annotators, claims, clock),
            onward=Onward(repository, projects, claims, submissions, instruments),
            leases=Leases(repository, projects, conduct, requests, instruments, clock),
            stranded=Stranded(repository, projects, requests, instruments, clock),
            closing=Closing(repository, projects, requests),
            standings=Standings(repository, projects, qualifying, claims, clock),
            qualifying=qualifying,
            gold_stocks=GoldStocks(repository, projects, instruments, clock),
            conduct=conduct,
            conduct_appeals=ConductAppeals(conduct, repository, instruments, clock),
            floor=Floor(repository, projects, instruments, clock),
            drafting=Drafting(repository, clock),
            revising=Revising(repository, projects, submissions, qualifying, instruments, clock),
        )
