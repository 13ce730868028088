"""Projects as every service but ingest sees them: rows of the projects topic."""

from dataclasses import dataclass
from typing import Literal, cast

from google.protobuf.message import Message

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import NotFound
from concord.chassis.identity import Caller
from concord.chassis.table import Table
from concord.contracts.topics import PROJECTS
from concord.contracts.v1.projects_pb2 import GuidelineExample, Policy, ProjectEvent, Targets
from concord.labels import ClassedSchema, LabelSchema, decoded, schema_from
from concord.labels.form import Form

Life = Literal["open", "paused", "closed"]


@dataclass(frozen=True, slots=True)
class Project:
    """One project as last defined.

    Attributes:
        classed: the schema again, where its labels have classes; asking a schema is too dear for every label.
        form: the schema again, where its labels have several fields.
        policy: every field set; ingest fills in the defaults before it publishes.
        life: open, paused (nothing is given out) or closed (nor ever again), and why it is not open.
    """

    project_id: str
    client_id: str
    revision: int
    schema: LabelSchema
    classed: ClassedSchema | None
    form: Form | None
    guideline_version: int
    guideline_text: str
    policy: Policy
    targets: Targets
    life: Life = "open"
    life_reason: str = ""
    guideline_examples: tuple[GuidelineExample, ...] = ()

    @property
    def gives_work(self) -> bool:
        """Return whether units of it are given to annotators."""
        return self.life == "open"

    @property
    def paused(self) -> bool:
        """Return whether nothing of it is to be done now by anybody: reviewers are shown nothing of it, either."""
        return self.life == "paused"


def project_from(event: Message) -> Project:
    """Return the project that a ProjectEvent defines.

    Raises:
        ValueError: it defines none, or its label schema is none.
    """
    envelope = cast("ProjectEvent", event)
    if not envelope.HasField("project_defined"):
        raise ValueError("a ProjectEvent that defines no project")
    defined = envelope.project_defined
    schema = schema_from(decoded(defined.label_schema))
    return Project(
        project_id=envelope.metadata.project_id,
        client_id=envelope.metadata.client_id,
        revision=defined.revision,
        schema=schema,
        classed=schema if isinstance(schema, ClassedSchema) else None,
        form=schema if isinstance(schema, Form) else None,
        guideline_version=defined.guideline_version,
        guideline_text=defined.guideline_text,
        policy=defined.policy,
        targets=defined.targets,
        life=cast("Life", defined.life or "open"),
        life_reason=defined.life_reason,
        guideline_examples=tuple(defined.guideline_examples),
    )


def project_table(broker: Broker, clock: Clock, dead_letters: DeadLetters | None = None) -> Table[Project]:
    """Return the table of all projects, by project id."""
    return Table(broker, PROJECTS, project_from, clock, dead_letters)


def visible(projects: Table[Project], project_id: str, caller: Caller) -> Project:
    """Return a project that the caller may see: a client only its own, everybody else any.

    Raises:
        NotFound: there is none, or it is another client's, which looks the same.
    """
    project = projects.rows.get(project_id)
    if project is None or caller.client_id not in (None, project.client_id):
        raise NotFound(f"There is no project {project_id}.")
    return project
