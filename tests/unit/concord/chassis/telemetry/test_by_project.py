"""A gauge by project shows where it is most, within its bound, and no longer than it is so."""

import pytest
from prometheus_client import CollectorRegistry

from concord.chassis.telemetry import OF_PROJECT, ByProject, Instrument, Instruments, by_project, exposition

GAUGE, OTHER = "concord_units_waiting", "concord_units_elsewhere"


def lines(registry: CollectorRegistry, name: str) -> list[str]:
    return sorted(line for line in exposition(registry)[0].decode().splitlines() if line.startswith(name))


def test_projects_are_named_with_their_client_while_there_is_something_and_not_after() -> None:
    registry = CollectorRegistry()
    instruments = Instruments(registry, [Instrument(name, "gauge", "Units.", OF_PROJECT) for name in (GAUGE, OTHER)])
    gauge, other = ByProject(instruments, GAUGE), ByProject(instruments, OTHER)
    assert lines(registry, GAUGE) == []
    gauge.tell({"k1-p": 3, "k2-q": 0})
    other.tell({"k1-p": 1})
    assert lines(registry, GAUGE) == [
        f'{GAUGE}{{client="k1",project="k1-p"}} 3.0',
        f'{GAUGE}{{client="k2",project="k2-q"}} 0.0',
    ]
    gauge.tell({"k2-q": 5})
    assert lines(registry, GAUGE) == [f'{GAUGE}{{client="k2",project="k2-q"}} 5.0']
    gauge.tell({})
    assert lines(registry, GAUGE) == []
    assert len(lines(registry, OTHER)) == 1, "each tells of its own"


def test_of_too_many_projects_those_with_most_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    instruments = Instruments(registry, [Instrument(GAUGE, "gauge", "Units.", OF_PROJECT)])
    gauge = ByProject(instruments, GAUGE)
    monkeypatch.setattr(by_project, "PROJECTS_SHOWN_MAX", 2)
    for found, named in (
        ({"k1-a": 1, "k1-b": 9, "k1-c": 4}, ["k1-b", "k1-c"]),
        ({"k1-a": 7, "k1-b": 9, "k1-c": 4}, ["k1-a", "k1-b"]),
        ({"k1-a": 2, "k1-b": 2, "k1-c": 2}, ["k1-a", "k1-b"]),
    ):
        gauge.tell(found)
        assert [line.split('"')[3] for line in lines(registry, GAUGE)] == named
