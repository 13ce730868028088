"""Projects as every service but ingest sees them: rows of the projects topic."""

from dataclasses import dataclass
from typing import Literal, cast

from google.protobuf.message import Message

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import NotFound, Unavailable
from concord.chassis.identity import Caller
from concord.chassis.table import Table
from concord.contracts.topics import PROJECTS
from concord.contracts.v1.projects_pb2 import GuidelineExample, Policy, ProjectDefined, ProjectEvent, Targets
from concord.labels import ClassedSchema, Json, LabelSchema, decoded, encoded, schema_from
from concord.labels.form import Form
from concord.labels.versions import Step, Versions, What

Life = Literal["open", "paused", "closed"]


class SchemaNotHere(Unavailable):
    """A label was given under a version of its project's schema that is on its way here from another process."""

    def __init__(self, project_id: str, version: int, known: int) -> None:
        super().__init__(f"Version {version} of the label schema of {project_id} is on its way; {known} is known here.")


@dataclass(frozen=True, slots=True)
class Project:
    """One project as last defined.

    Attributes:
        classed: the schema again, where its labels have classes; asking a schema is too dear for every label.
        form: the schema again, where its labels have several fields.
        policy: every field set; ingest fills in the defaults before it publishes.
        versions: of the label schema; `schema` is whole, with what earlier ones offered and the newest does not.
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
    versions: Versions | None = None

    @property
    def schema_version(self) -> int:
        """Return the newest version of the label schema, from 1."""
        return 1 if self.versions is None else self.versions.present

    def offered(self, version: int | None = None) -> LabelSchema:
        """Return the schema of what annotators are offered under a version; the newest, unless one is named."""
        return self.schema if self.versions is None else self.versions.offered(version)

    def read(self, label: Json) -> Json:
        """Return what a label of any version says in the newest one's names; None where it says one of several."""
        return label if self.versions is None else self.versions.read(label)

    def weighed(self, label: Json) -> Json:
        """Return what a label says where it is weighed beside others: read, without fields that are asked no more."""
        return label if self.versions is None else self.versions.weighed(label)

    def answer(self, field_name: str, answer: Json) -> Json:
        """Return what an answer to a field says now, or the label where it has one field; None: one of several."""
        return answer if self.versions is None else self.versions.answer(field_name, answer)

    def says(self, label: str) -> bool:
        """Return whether a label, as canonical JSON, says one thing now, and not one of several."""
        return self.versions is None or self.versions.read(decoded(label.encode())) is not None

    def read_text(self, label: str) -> str:
        """Return a label, as canonical JSON, in names that the schema has: what was split keeps its own."""
        return label if self.versions is None else self.versions.text(label)

    def read_answer(self, field_name: str, answer: str) -> tuple[str, str] | None:
        """Return what a field is called now, and what an answer to it, as canonical JSON, says; None: one of several.

        A label that has one field is the answer to the one of the empty name.
        """
        if self.versions is None:
            return field_name, answer
        now = self.versions.field_name(field_name)
        read = self.versions.answer(now, decoded(answer.encode()))
        return None if read is None else (now, encoded(read).decode())

    def at(self, version: int) -> Versions:
        """Return the versions of the label schema up to one, as they were known then."""
        return Versions(self.schema) if self.versions is None else self.versions.at(version)

    def version_of(self, label: str) -> int:
        """Return the newest version under which a label, as canonical JSON, can be given as it stands."""
        return 1 if self.versions is None else self.versions.version_of(decoded(label.encode()))

    def must_know(self, version: int) -> None:
        """Raise SchemaNotHere where a label was given under a version that has not been heard of here yet."""
        if version > self.schema_version:
            raise SchemaNotHere(self.project_id, version, self.schema_version)

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
        versions=Versions(schema, steps) if (steps := steps_told(defined)) else None,
    )


def steps_told(defined: ProjectDefined) -> tuple[Step, ...]:
    """Return by which steps a project's label schema came to be what it is."""
    return tuple(
        Step(
            schema_step.version,
            cast("What", schema_step.what),
            schema_step.field,
            schema_step.name,
            tuple(schema_step.into),
        )
        for schema_step in defined.schema_steps
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
