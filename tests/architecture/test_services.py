"""The five services have one shape, say truly what they read and write, and open no door without a guard."""

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from concord.chassis.broker.port import Seat, Subscription
from concord.chassis.http import unguarded_routes
from concord.chassis.runtime import Service
from concord.chassis.settings import ServiceSettings
from concord.contracts.topics import TOPICS, Topic
from simulation.house import ENVIRONMENT, House
from tests.architecture.project import ROOT, SERVICES, modules, name

ROOMS = (
    "__init__",
    "__main__",
    "announcements",
    "api",
    "bootstrap",
    "domain",
    "events",
    "handlers",
    "repository",
    "schemas",
    "settings",
    "telemetry",
)
MAIN_LINES_MAX = 20
HEALTH = {"/live", "/ready", "/metrics", "/openapi.json"}


class Overheard:
    """A house's broker that notes which topics are subscribed to; all else is the broker's own."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self.topics: set[str] = set()

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> Subscription:
        self.topics |= set(topics)
        return cast("Subscription", self._broker.subscribe(topics, group, seat))

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._broker, attribute)


def wired(service: str) -> tuple[Service, set[str]]:
    """Return a service over memory ports, not started, and the topics that it subscribed to."""
    bootstrap = importlib.import_module(f"services.{service}.bootstrap")
    settings = importlib.import_module(f"services.{service}.settings")
    (kind,) = (
        variable
        for variable in vars(settings).values()
        if isinstance(variable, type)
        and issubclass(variable, ServiceSettings)
        and variable.__module__ == settings.__name__
    )
    ports = House().ports(service)
    overheard = Overheard(ports.broker)
    wired_service = bootstrap.wire(kind.from_environment(ENVIRONMENT), replace(ports, broker=overheard))
    return wired_service, overheard.topics


def said(service: str, line: str) -> list[str]:
    """Return what a line of a service's docstring lists."""
    text = importlib.import_module(f"services.{service}").__doc__ or ""
    (found,) = re.findall(rf"^{line}: (.+)$", text, re.MULTILINE)
    return [entry.strip() for entry in found.split(",")]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_that_all_have(service: str) -> None:
    folder = ROOT / "services" / service
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(ROOMS) <= there, f"services/{service} lacks {sorted(set(ROOMS) - there)}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_main_module_only_builds_and_runs(service: str) -> None:
    lines = (ROOT / "services" / service / "__main__.py").read_text().splitlines()
    assert len(lines) < MAIN_LINES_MAX
    assert "    main(from_environment)" in lines


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_says_it_reads_is_what_it_reads_and_what_the_catalogue_says(service: str) -> None:
    _, subscribed = wired(service)
    catalogued = {topic.name for topic in TOPICS if service in topic.readers}
    assert set(said(service, "Reads")) == catalogued
    assert subscribed == catalogued


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_says_it_writes_is_what_it_words_and_what_the_catalogue_says(service: str) -> None:
    announcements = importlib.import_module(f"services.{service}.announcements")
    worded = {variable.name for variable in vars(announcements).values() if isinstance(variable, Topic)}
    catalogued = {topic.name for topic in TOPICS if topic.writer == service}
    assert set(said(service, "Writes")) == catalogued
    assert worded == catalogued
    assert service == announcements.SERVICE


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_owns(service: str) -> None:
    assert said(service, "Owns")


def test_only_announcements_word_events() -> None:
    """So that what a service writes can be read in one place."""
    for path in modules("services"):
        assert path.stem == "announcements" or "announcer.event(" not in path.read_text(), name(path)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_of_a_service_but_health_is_guarded(service: str) -> None:
    application = cast("Any", wired(service)[0].application)
    assert unguarded_routes(application) == []
    paths = set(paths_of(application))
    assert paths > HEALTH
    assert all(path.startswith("/v1/") for path in paths - HEALTH)


def paths_of(application: Any) -> Iterator[str]:
    """Yield the path of every route, and fail on what is none: a mounted application would hide its own."""
    for route in application.routes:
        assert hasattr(route, "methods"), f"{route} is no plain route"
        yield route.path
