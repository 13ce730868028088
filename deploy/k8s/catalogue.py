"""The KafkaTopic and KafkaUser manifests that follow from the catalogue of topics."""

from typing import Any

from concord.chassis.broker.port import RECORD_BYTES_MAX
from concord.contracts.topics import (
    ANY_SERVICE,
    CLIENTS,
    DEAD_LETTERS,
    INTAKE,
    PLACES_PRODUCTION,
    TOPICS,
    Topic,
    replayed_by,
)

CLUSTER = "concord"
API_VERSION = "kafka.strimzi.io/v1"
COPIES = 3
COPIES_IN_SYNC_MIN = 2
OPERATOR = "operator"
"""The Kafka user of people who look after the cluster."""
CLIENT = "client-"
"""How the name of a client's own Kafka user begins; its code follows."""
CLIENT_BYTES_A_SECOND = 10_000_000
CLIENT_REQUEST_PERCENT = 50
"""Of one thread of a broker: what sends more is slowed down, and holds nobody else up."""
SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
CHANGELOGS: dict[str, tuple[str, ...]] = {"metrics": ("metrics-book-by-place-changelog",)}
"""Topics that a service keeps for itself behind its Faust tables, and creates itself with what suits them."""
BATCH_OVERHEAD_BYTES = 48_588
"""What the broker adds to a record of the largest size; together they are Kafka's own default."""
TABLE_LAG_SECONDS_MAX = 7 * 86_400
"""By when a superseded row of a compacted topic is gone; Kafka's default is never, of what is not written for long."""
TOMBSTONE_SECONDS = 7 * 86_400
"""How long a reader of a compacted topic may be away and still hear that a row was taken out."""
_MILLISECONDS = 1_000

Manifest = dict[str, Any]


def topics() -> list[Manifest]:
    """Return one KafkaTopic a topic of the catalogue."""
    return [_named("KafkaTopic", topic.name, _topic(topic)) for topic in TOPICS]


def users() -> list[Manifest]:
    """Return one KafkaUser a service, with exactly the rights that the catalogue gives it, and one for people who look.

    Clients who send through the intake topic have users of their own: see `client_user`.
    """
    return [
        *(_named("KafkaUser", service, _user(service)) for service in SERVICES),
        _named("KafkaUser", OPERATOR, _looks()),
    ]


def client_user(code: str, bytes_a_second: int = CLIENT_BYTES_A_SECOND) -> Manifest:
    """Return the KafkaUser of a client that sends through the intake topic: it writes there, so much, and no more.

    Args:
        code: the client's, as its projects' ids begin with.
        bytes_a_second: to each broker.
    """
    spec = {
        "authentication": {"type": "scram-sha-512"},
        "authorization": {"type": "simple", "acls": intake_alone()},
        "quotas": {"producerByteRate": bytes_a_second, "requestPercentage": CLIENT_REQUEST_PERCENT},
    }
    return _named("KafkaUser", f"{CLIENT}{code}", spec)


def intake_alone() -> list[Manifest]:
    """Return the rights of who sends through the intake topic."""
    return [_acl("topic", INTAKE.name, "Describe", "Write")]


def _named(kind: str, name: str, spec: Manifest) -> Manifest:
    labels = {"strimzi.io/cluster": CLUSTER}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}


def _topic(topic: Topic) -> Manifest:
    config: Manifest = {
        # As our producers send it. A client's records are compressed when they come in, for they lie here for days.
        "compression.type": "zstd",
        "min.insync.replicas": COPIES_IN_SYNC_MIN,
        "max.message.bytes": RECORD_BYTES_MAX + BATCH_OVERHEAD_BYTES,
    }
    if topic.retention_seconds is None:
        config["cleanup.policy"] = "compact"
        config["delete.retention.ms"] = TOMBSTONE_SECONDS * _MILLISECONDS
        config["max.compaction.lag.ms"] = TABLE_LAG_SECONDS_MAX * _MILLISECONDS
    else:
        config["cleanup.policy"] = "delete"
        config["retention.ms"] = topic.retention_seconds * _MILLISECONDS
    if topic.segment_seconds is not None:
        config["segment.ms"] = topic.segment_seconds * _MILLISECONDS
    return {"partitions": topic.partitions_at(PLACES_PRODUCTION), "replicas": COPIES, "config": config}


def _user(service: str) -> Manifest:
    acls = [acl for topic in TOPICS if (acl := _on_topic(service, topic)) is not None]
    acls += [_acl("topic", name, "Create", "Describe", "Read", "Write") for name in CHANGELOGS.get(service, ())]
    acls.append(_acl("group", service, "Read"))
    # An idempotent producer needs no right beyond writing to its topics (KIP-679).
    return {
        "authentication": {"type": "scram-sha-512"},
        "authorization": {"type": "simple", "acls": acls},
    }


def _looks() -> Manifest:
    """Return what people need to see how far groups are: they read no record and move nothing."""
    acls = [_acl("topic", topic.name, "Describe") for topic in TOPICS]
    acls += [_acl("topic", name, "Describe") for names in CHANGELOGS.values() for name in names]
    acls += [_acl("group", service, "Describe") for service in SERVICES]
    return {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": acls}}


def _on_topic(service: str, topic: Topic) -> Manifest | None:
    operations = ["Describe"]
    # Whoever may send a dead letter again reads them all: each is on one topic, whatever its origin.
    if service in topic.readers or topic is DEAD_LETTERS:
        operations.append("Read")
    if topic.writer in (service, ANY_SERVICE) or replayed_by(topic) == service:
        operations.append("Write")
    if topic.writer == CLIENTS and service in topic.readers:
        operations.append("Delete")  # of records; that of topics the cluster refuses to all
    if operations == ["Describe"]:
        return None
    return _acl("topic", topic.name, *operations)


def _acl(kind: str, name: str, *operations: str) -> Manifest:
    return {"resource": {"type": kind, "name": name, "patternType": "literal"}, "operations": list(operations)}
