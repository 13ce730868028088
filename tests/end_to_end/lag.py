"""How much of what is told the services with a journal have still to read."""

from cli.republish import WITH_JOURNAL
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Incoming, TopicPartition
from concord.contracts.topics import ANNOTATIONS, LOTS, RESOLUTIONS, UNITS, Topic

TOPICS_OF_EVENTS = (UNITS, ANNOTATIONS, RESOLUTIONS, LOTS)


async def unread(bootstrap: str) -> int:
    """Return how many records services with a journal have before them; how far metrics is, it tells itself."""
    broker = KafkaBroker(bootstrap, "looking")
    await broker.start()
    try:
        ends = {
            TopicPartition(record.topic, record.partition): record.offset + 1
            for topic in TOPICS_OF_EVENTS
            for record in await read(broker, topic)
        }
        readers = [(topic, group) for topic in TOPICS_OF_EVENTS for group in topic.readers if group in WITH_JOURNAL]
        done = {pair: await broker.committed(pair[1], pair[0].name) for pair in readers}
    finally:
        await broker.stop()
    return sum(
        max(end - committed.get(at, 0), 0)
        for (topic, _), committed in done.items()
        for at, end in ends.items()
        if at.topic == topic.name
    )


async def read(broker: KafkaBroker, topic: Topic) -> list[Incoming]:
    """Return every record of a topic."""
    reader = broker.subscribe([topic.name], None)
    await reader.start()
    found: list[Incoming] = []
    while await reader.lag():
        found += await reader.poll(1_000, 0.2)
    await reader.stop()
    return found
