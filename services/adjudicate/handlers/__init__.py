"""What adjudicate does: one use case a method, one concern a file.

Each loads through the repository, asks the domain, and appends to the journal: `units` takes in what others tell of
units, `annotations` takes labels in, `rulings` what adjudicators say, `competence` how annotators do on gold;
`gold` what is in doubt of known labels, `candidates` what may become one, `retraining` who is to look at what they
missed; `questions` what guidelines do not say; `closing` closes escalations in bulk; `repeats` has rulings given once
more, blind; `objects` shows what is drawn on units, one by one; `inferring` weighs all
labels of a project at once; `learning` keeps what resolved units tell,
`redefinitions` decides anew under new policies, `queue` shows what waits.
"""

from collections.abc import Callable
from dataclasses import dataclass

from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.chassis.telemetry import Instruments
from concord.labels.fields import Field
from services.adjudicate.domain.consensus import Weights
from services.adjudicate.handlers.annotations import Annotations
from services.adjudicate.handlers.candidates import Candidates
from services.adjudicate.handlers.closing import Closing
from services.adjudicate.handlers.competence import Competences
from services.adjudicate.handlers.deciding import Deciding
from services.adjudicate.handlers.gold import Gold
from services.adjudicate.handlers.inferring import Inferring
from services.adjudicate.handlers.learning import Learning
from services.adjudicate.handlers.objects import Objects
from services.adjudicate.handlers.questions import Questions
from services.adjudicate.handlers.queue import Queue
from services.adjudicate.handlers.redefinitions import Redefinitions
from services.adjudicate.handlers.repeats import Repeats
from services.adjudicate.handlers.retraining import Retraining
from services.adjudicate.handlers.rulings import Rulings
from services.adjudicate.handlers.units import Units
from services.adjudicate.repository import Repository

__all__ = [
    "Annotations",
    "Candidates",
    "Closing",
    "Competences",
    "Gold",
    "Handlers",
    "Inferring",
    "Learning",
    "Objects",
    "Questions",
    "Queue",
    "Redefinitions",
    "Repeats",
    "Retraining",
    "Rulings",
    "Units",
]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Adjudicate's use cases, and what the door looks up beside them."""

    repository: Repository
    projects: Table[Project]
    clock: Clock
    deciding: Deciding
    units: Units
    annotations: Annotations
    competences: Competences
    learning: Learning
    closing: Closing
    questions: Questions
    repeats: Repeats
    rulings: Rulings
    objects: Objects
    queue: Queue
    redefinitions: Redefinitions
    gold: Gold
    retraining: Retraining
    candidates: Candidates
    inferring: Inferring

    @classmethod
    def of(
        cls,
        repository: Repository,
        projects: Table[Project],
        instruments: Instruments,
        clock: Clock,
        open_places: Callable[[], frozenset[int]],
        secret: bytes,
    ) -> "Handlers":
        """Return the use cases over one repository.

        Args:
            repository: where facts are found.
            projects: the projects as ingest defined them.
            instruments: those of `telemetry.INSTRUMENTS`.
            clock: time.
            open_places: the places that this process serves.
            secret: of the deployment: which rulings are repeated follows from it.
        """
        deciding = Deciding(repository, projects, instruments)
        units = Units(repository, deciding)
        objects = Objects(repository, deciding)
        questions, repeats = Questions(repository, deciding, clock), Repeats(repository, deciding, secret)
        return cls(
            repository=repository,
            projects=projects,
            clock=clock,
            deciding=deciding,
            units=units,
            annotations=Annotations(deciding, questions),
            competences=Competences(repository),
            learning=Learning(repository, projects, deciding, clock),
            closing=Closing(repository, deciding),
            questions=questions,
            repeats=repeats,
            rulings=Rulings(repository, deciding, questions, repeats, objects),
            objects=objects,
            queue=Queue(repository, projects),
            redefinitions=Redefinitions(units, projects, repository, open_places),
            gold=Gold(repository, deciding),
            retraining=Retraining(repository),
            candidates=Candidates(repository, deciding),
            inferring=Inferring(repository, clock),
        )

    def weights(self, project: Project, field: Field | None = None) -> Weights | None:
        """Return what consensus in a project, or in a field, rests on; None where labels have no classes."""
        return self.deciding.weights(project, field)
