"""The catalogue of topics: every name, its message, its key, its one writer and its readers.

The local stack, the Kubernetes KafkaTopic and KafkaUser manifests and each service's consumers are made from
this table or tested against it.
"""

from dataclasses import dataclass

from google.protobuf.message import Message

from concord.contracts.ids import SLOTS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent
from concord.contracts.v1.annotators_pb2 import AnnotatorEvent
from concord.contracts.v1.assignments_pb2 import AssignmentEvent
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from concord.contracts.v1.lots_pb2 import LotEvent
from concord.contracts.v1.projects_pb2 import ProjectEvent
from concord.contracts.v1.quality_pb2 import QualityEvent
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitEvent

CLIENTS = "clients"
ANY_SERVICE = "any service"

DAY_SECONDS = 86_400
EVENTS_RETENTION_SECONDS = 30 * DAY_SECONDS
INTAKE_RETENTION_SECONDS = 3 * DAY_SECONDS
"""What clients write may hold what they later want erased. Ingest deletes what it is done with within a minute or so;
this is for what it could not, and how long it may be away without a loss."""
INTAKE_SEGMENT_SECONDS = 600
"""How old a file of it gets that is still written: what is deleted lies on the broker's disk until its file is done."""
DEAD_LETTERS_RETENTION_SECONDS = 365 * DAY_SECONDS

PLACES_LOCAL = 8
PLACES_PRODUCTION = 64
"""How many places a cluster has, for good: so many partitions has every topic of events, and the intake."""
TABLE_PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        name: as the broker knows it; the version is part of the name.
        message: the protobuf envelope of every record; None where clients write CloudEvents.
        key: what is compacted, and what the writer means by one thing, by field name.
        writer: the one service that writes, CLIENTS, or ANY_SERVICE.
        readers: the services that consume it.
        fixed_partitions: how many, for good, for a key's partition must not change; None where there are as many as
            places.
        retention_seconds: how long records are kept; None for a compacted topic that keeps the newest of a key.
        segment_seconds: after how long the broker begins a new file; None: when it likes.
    """

    name: str
    message: type[Message] | None
    key: str
    writer: str
    readers: tuple[str, ...]
    fixed_partitions: int | None
    retention_seconds: int | None
    segment_seconds: int | None = None

    def partitions_at(self, places: int) -> int:
        """Return how many partitions the topic has on a cluster of so many places."""
        return places if self.fixed_partitions is None else self.fixed_partitions

    @property
    def partitions(self) -> int:
        """How many partitions the topic has on the local stack and in memory."""
        return self.partitions_at(PLACES_LOCAL)

    @property
    def placed(self) -> bool:
        """Whether a record's partition is its project's place; if not, it follows from the key."""
        return self.fixed_partitions is None and self.message is not None

    @property
    def compacted(self) -> bool:
        """Whether the topic keeps only the newest record of a key, and is read as a table."""
        return self.retention_seconds is None


PROJECTS = Topic(
    name="concord.projects.v1",
    message=ProjectEvent,
    key="project_id",
    writer="ingest",
    readers=("ingest", "assign", "adjudicate", "audit", "metrics"),
    fixed_partitions=TABLE_PARTITIONS,
    retention_seconds=None,
)
ANNOTATORS = Topic(
    name="concord.annotators.v1",
    message=AnnotatorEvent,
    key="annotator_id",
    writer="assign",
    readers=("assign", "ingest", "adjudicate", "audit", "metrics"),
    fixed_partitions=TABLE_PARTITIONS,
    retention_seconds=None,
)
UNITS = Topic(
    name="concord.units.v1",
    message=UnitEvent,
    key="unit_id",
    writer="ingest",
    readers=("ingest", "assign", "adjudicate", "audit", "metrics"),
    fixed_partitions=None,
    retention_seconds=EVENTS_RETENTION_SECONDS,
)
ASSIGNMENTS = Topic(
    name="concord.assignments.v1",
    message=AssignmentEvent,
    key="unit_id or project_id",
    writer="assign",
    readers=("metrics",),
    fixed_partitions=None,
    retention_seconds=EVENTS_RETENTION_SECONDS,
)
ANNOTATIONS = Topic(
    name="concord.annotations.v1",
    message=AnnotationEvent,
    key="unit_id or project_id",
    writer="assign",
    readers=("adjudicate", "metrics"),
    fixed_partitions=None,
    retention_seconds=EVENTS_RETENTION_SECONDS,
)
RESOLUTIONS = Topic(
    name="concord.resolutions.v1",
    message=ResolutionEvent,
    key="unit_id or project_id",
    writer="adjudicate",
    readers=("ingest", "assign", "audit", "metrics"),
    fixed_partitions=None,
    retention_seconds=EVENTS_RETENTION_SECONDS,
)
LOTS = Topic(
    name="concord.lots.v1",
    message=LotEvent,
    key="lot_id",
    writer="audit",
    readers=("assign", "adjudicate", "audit", "metrics"),
    fixed_partitions=None,
    retention_seconds=EVENTS_RETENTION_SECONDS,
)
QUALITY = Topic(
    name="concord.quality.v1",
    message=QualityEvent,
    key="project_id or annotator_id or unit_id",
    writer="metrics",
    readers=("assign", "adjudicate", "audit"),
    fixed_partitions=None,
    retention_seconds=EVENTS_RETENTION_SECONDS,
)
INTAKE = Topic(
    name="concord.intake.v1",
    message=None,
    key="CloudEvents subject or id",
    writer=CLIENTS,
    readers=("ingest",),
    fixed_partitions=None,
    retention_seconds=INTAKE_RETENTION_SECONDS,
    segment_seconds=INTAKE_SEGMENT_SECONDS,
)
DEAD_LETTERS = Topic(
    name="concord.dead-letters.v1",
    message=DeadLetter,
    key="origin key",
    writer=ANY_SERVICE,
    readers=(),
    fixed_partitions=TABLE_PARTITIONS,
    retention_seconds=DEAD_LETTERS_RETENTION_SECONDS,
)

TOPICS: tuple[Topic, ...] = (
    PROJECTS,
    ANNOTATORS,
    UNITS,
    ASSIGNMENTS,
    ANNOTATIONS,
    RESOLUTIONS,
    LOTS,
    QUALITY,
    INTAKE,
    DEAD_LETTERS,
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def replayed_by(topic: Topic) -> str | None:
    """Return the service that sends a topic's dead letters again: its writer, or the reader of what clients write."""
    if topic is DEAD_LETTERS:
        return None
    return topic.readers[0] if topic.writer == CLIENTS else topic.writer


def check_places(places: int) -> int:
    """Return the number of places.

    Raises:
        ValueError: it is no power of two from 1 to SLOTS, so that slots would not be dealt evenly to them.
    """
    if not 1 <= places <= SLOTS or places & (places - 1):
        raise ValueError(f"{places} places: give a power of two from 1 to {SLOTS}")
    return places
