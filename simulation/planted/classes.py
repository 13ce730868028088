"""Planted where classes change while people label."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from google.protobuf.message import Message

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.projects import Project, project_from
from concord.chassis.table import Table
from concord.contracts.topics import PROJECTS
from concord.labels import LabelSchema
from concord.labels.versions import Versions
from services.ingest.domain.worded import Wordings


@contextmanager
def checked_by_todays_classes() -> Iterator[None]:
    """Check a label by what is offered now, whatever its annotator was shown."""
    honest = Project.offered

    def newest(self: Project, version: int | None = None) -> LabelSchema:
        del version
        return honest(self)

    with patch.object(Project, "offered", newest):
        yield


@contextmanager
def labels_as_given() -> Iterator[None]:
    """Compare labels by the names that they were given in."""
    with patch.object(Versions, "text", lambda _, label: label):
        yield


@contextmanager
def classes_of_the_first_day() -> Iterator[None]:
    """Follow a project's policy and not its classes, in the service that gives out work."""
    first: dict[str, Project] = {}

    def told(event: Message) -> Project:
        now = project_from(event)
        then = first.setdefault(now.project_id, now)
        return dataclasses.replace(now, schema=then.schema, classed=then.classed, versions=then.versions)

    def table(broker: Broker, clock: Clock, dead_letters: DeadLetters | None = None) -> Table[Project]:
        return Table(broker, PROJECTS, told, clock, dead_letters)

    with patch("services.assign.bootstrap.project_table", table):
        yield


@contextmanager
def known_labels_by_todays_classes() -> Iterator[None]:
    """Refuse a unit that is sent again where its known label is called otherwise by now."""
    with patch.object(Wordings, "_given", lambda *_: iter(())):
        yield


@contextmanager
def closed_gold_goes_on() -> Iterator[None]:
    """Give out gold that nobody can answer rightly any more."""
    with patch.object(Versions, "closed_since", lambda *_: 0):
        yield
