"""Ingest's Kafka door: clients' CloudEvents on the intake topic, and units of which other processes have told."""

from collections.abc import Mapping

from concord.chassis.consumer import Handler
from concord.contracts.topics import INTAKE, UNITS, Topic
from services.ingest.handlers import Lots
from services.ingest.intake import Intake


def handlers(intake: Intake, lots: Lots) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    return {UNITS: lots.heard, INTAKE: intake.admit}
