"""Instruments are declared once, kept as children, and shown per service."""

import pytest
from prometheus_client import CollectorRegistry

from concord.chassis.telemetry import Instrument, Instruments, Telemetry, exposition
from concord.chassis.telemetry import instruments as module

TABLE = (
    Instrument("concord_tested_units", "counter", "Units admitted.", ("project",)),
    Instrument("concord_tested_open_units", "gauge", "Units open."),
    Instrument("concord_tested_wait_seconds", "histogram", "Wait.", buckets=(1.0, 2.0)),
)


def shown(registry: CollectorRegistry) -> str:
    return exposition(registry)[0].decode()


def test_what_is_told_is_shown_with_its_help_and_labels() -> None:
    registry = CollectorRegistry()
    instruments = Instruments(registry, TABLE)
    instruments.counter("concord_tested_units", "p-1").inc(3)
    instruments.counter("concord_tested_units", "p-1").inc()
    instruments.gauge("concord_tested_open_units").set(7)
    instruments.histogram("concord_tested_wait_seconds").observe(1.5)
    text = shown(registry)
    for line in (
        "# HELP concord_tested_units_total Units admitted.",
        'concord_tested_units_total{project="p-1"} 4.0',
        "concord_tested_open_units 7.0",
        'concord_tested_wait_seconds_bucket{le="1.0"} 0.0',
        'concord_tested_wait_seconds_bucket{le="2.0"} 1.0',
    ):
        assert line in text


def test_a_child_is_made_once() -> None:
    instruments = Instruments(CollectorRegistry(), TABLE)
    assert instruments.counter("concord_tested_units", "p-1") is instruments.counter("concord_tested_units", "p-1")
    assert instruments.counter("concord_tested_units", "p-1") is not instruments.counter("concord_tested_units", "p-2")


def test_a_forgotten_child_is_shown_no_longer() -> None:
    registry = CollectorRegistry()
    instruments = Instruments(registry, TABLE)
    instruments.counter("concord_tested_units", "p-1").inc()
    instruments.forget("concord_tested_units", "p-1")
    instruments.forget("concord_tested_units", "p-never")
    assert "p-1" not in shown(registry)


def test_a_wrong_kind_or_number_of_labels_is_a_mistake_of_ours() -> None:
    instruments = Instruments(CollectorRegistry(), TABLE)
    with pytest.raises(AssertionError, match="is a counter, not a gauge"):
        instruments.gauge("concord_tested_units", "p-1")
    with pytest.raises(AssertionError, match="has the labels"):
        instruments.counter("concord_tested_units")
    with pytest.raises(KeyError):
        instruments.counter("concord_tested_nothing")


def test_a_label_that_grows_with_the_data_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LABEL_VALUES_MAX", 3)
    instruments = Instruments(CollectorRegistry(), TABLE)
    for number in range(3):
        instruments.counter("concord_tested_units", f"p-{number}")
    with pytest.raises(AssertionError, match="more than 3 children"):
        instruments.counter("concord_tested_units", "p-3")


def test_five_services_live_in_one_process_and_two_parts_share_a_table() -> None:
    services = [Telemetry(f"service-{number}") for number in range(5)]
    for number, service in enumerate(services):
        service.instruments(TABLE).counter("concord_tested_units", "p").inc(number)
        assert service.instruments(TABLE) is service.instruments(list(TABLE))
    assert [f"{float(number)}\n" in shown(service.registry) for number, service in enumerate(services)] == [True] * 5
