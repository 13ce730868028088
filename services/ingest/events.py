"""Ingest's Kafka door: clients' CloudEvents, units of which other processes have told, and what is settled of them."""

from collections.abc import Mapping

from concord.chassis.consumer import Handler
from concord.contracts.topics import INTAKE, RESOLUTIONS, UNITS, Topic
from services.ingest.handlers import Lots, Room
from services.ingest.intake import Intake


def handlers(intake: Intake, lots: Lots, room: Room) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    return {UNITS: lots.heard, RESOLUTIONS: room.heard, INTAKE: intake.admit}
