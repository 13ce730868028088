"""Clients of the real broker and store that wait for as long as tests do: on a busy machine nothing is given up."""

import pytest

from concord.chassis.broker import kafka, kafka_admin, kafka_connection, kafka_subscription
from concord.chassis.store import mongo
from tests.support.patience import PATIENCE_SECONDS

_BOUNDS = (
    (kafka, "CONNECT_SECONDS_MAX", 1),
    (kafka, "PUBLISH_SECONDS_MAX", 1),
    (kafka_admin, "ANSWER_SECONDS_MAX", 1),
    (kafka_connection, "PING_SECONDS_MAX", 1),
    (kafka_connection, "REQUEST_MS_MAX", 1_000),
    (kafka_subscription, "ANSWER_SECONDS_MAX", 1),
    (kafka_subscription, "JOIN_SECONDS_MAX", 1),
)
"""Bounds, and how many of their units a second has."""
_OPTIONS = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS", "waitQueueTimeoutMS", "wTimeoutMS")


@pytest.fixture(autouse=True)
def patient_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a broker or a store is asked in this process waited for; who tests impatience sets bounds after it."""
    for module, name, units in _BOUNDS:
        monkeypatch.setattr(module, name, round(PATIENCE_SECONDS * units))
    for name in _OPTIONS:
        monkeypatch.setitem(mongo._OPTIONS, name, round(PATIENCE_SECONDS * 1_000))
