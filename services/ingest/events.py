"""Ingest's Kafka door: CloudEvents of clients on the intake topic."""

from collections.abc import Mapping

from concord.chassis.consumer import Handler
from concord.contracts.topics import INTAKE, Topic
from services.ingest.intake import Intake


def handlers(intake: Intake) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    return {INTAKE: intake.admit}
