"""Settings of a topic, asked for and changed as an operator does."""

from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

_OF_THE_TOPIC = 1
"""How Kafka marks a setting that is the topic's own."""


async def settings_of(bootstrap: str, topic: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return what a topic's own settings are, once they are as wanted, if anything is."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if wanted:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(wanted))])
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    entries = answer.resources[0][4]
    return {entry[0]: entry[1] for entry in entries if entry[3] == _OF_THE_TOPIC}
