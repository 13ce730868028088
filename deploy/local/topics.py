"""Create the topics of the catalogue on a broker, as often as asked; what is there already stays as it is."""

import asyncio
import time
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from concord.contracts.topics import PLACES_LOCAL, TOPICS, Topic

_RETRY_SECONDS = 0.1
_MILLISECONDS = 1000
_REPLICATION_MAX = 3


class TopicsNotCreated(Exception):
    """The broker refused a topic, or did not answer in time."""


async def create_topics(
    bootstrap: str, topics: Iterable[Topic] = TOPICS, seconds_max: float = 30.0, places: int = PLACES_LOCAL
) -> None:
    """Create every topic that is missing and return when the broker lists all of them without an error.

    A topic that is there keeps its partitions, whatever `places` says now: their number is chosen once.
    For a moment it may still answer NotLeaderForPartition to who writes or reads; clients try again by themselves.

    Raises:
        TopicsNotCreated: After `seconds_max` seconds, with the broker's last answer.
    """
    wanted = list(topics)
    until = time.monotonic() + seconds_max
    while True:
        try:
            await _create_once(bootstrap, wanted, places)
        except (KafkaError, OSError) as fault:
            # A broker that has just opened its port may still refuse for a moment.
            if time.monotonic() > until:
                raise TopicsNotCreated(f"{bootstrap} did not create the topics: {fault!r}") from fault
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def _create_once(bootstrap: str, topics: list[Topic], places: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5 * _MILLISECONDS)
    await admin.start()
    try:
        known = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in known]
        if missing:
            copies = min(_REPLICATION_MAX, len((await admin.describe_cluster())["brokers"]))
            answer = await admin.create_topics([_new(topic, copies, places) for topic in missing])
            for _name, code, *_message in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(code)
        described = await admin.describe_topics([topic.name for topic in topics])
        for topic in described:
            for partition in topic["partitions"]:
                if topic["error_code"] or partition["error_code"]:
                    raise for_code(topic["error_code"] or partition["error_code"])
    finally:
        await admin.close()


def _new(topic: Topic, copies: int, places: int) -> NewTopic:
    if topic.compacted:
        kept = {"cleanup.policy": "compact"}
    else:
        kept = {"cleanup.policy": "delete", "retention.ms": str((topic.retention_seconds or 0) * _MILLISECONDS)}
    if topic.segment_seconds is not None:
        kept["segment.ms"] = str(topic.segment_seconds * _MILLISECONDS)
    partitions = topic.partitions_at(places)
    return NewTopic(topic.name, num_partitions=partitions, replication_factor=copies, topic_configs=kept)
