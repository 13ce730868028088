"""Ingest's Kafka door: clients' CloudEvents, units of which other processes have told, and what is settled of them."""

from collections.abc import Mapping, Sequence

from concord.chassis.consumer import Delivery, Handler
from concord.contracts.topics import INTAKE, RESOLUTIONS, UNITS, Topic
from services.ingest.handlers import ChosenGold, Lots, Room
from services.ingest.intake import Intake


def handlers(intake: Intake, lots: Lots, room: Room, gold: ChosenGold) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""

    async def resolutions(deliveries: Sequence[Delivery]) -> None:
        await room.heard(deliveries)
        await gold.heard(deliveries)

    return {UNITS: lots.heard, RESOLUTIONS: resolutions, INTAKE: intake.admit}
