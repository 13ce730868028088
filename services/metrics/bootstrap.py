"""Metrics' composition root: settings and ports in, a wired service out."""

import asyncio
import gc
from collections.abc import Mapping
from functools import partial

from concord.chassis.annotators import annotator_table, models_in
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.http import application
from concord.chassis.letter_door import letters_router
from concord.chassis.letter_shelf import LetterShelf
from concord.chassis.places.forward import Placing
from concord.chassis.places.gather import Gather
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.projects import Project, project_table
from concord.chassis.runtime import BrokerPart, Hook, Part, Runtime, Service, repeating
from concord.chassis.table import Table
from concord.chassis.wiring import dependencies, real_ports
from services.metrics import api
from services.metrics.agents import faust_feed
from services.metrics.announcements import SERVICE
from services.metrics.domain.fatigue import Watch
from services.metrics.domain.standing import says_same
from services.metrics.door import models, own, worked
from services.metrics.feed import Feeds, replaying
from services.metrics.measure import MEASURE_SECONDS, Measure, breaks_of
from services.metrics.owning import Owning
from services.metrics.reached import Reached
from services.metrics.repository import Repository
from services.metrics.settings import MetricsSettings
from services.metrics.surveying import SURVEY_SECONDS, Surveys

LINGER_SECONDS = 3.0
"""How long a process that has left its group goes on answering: until whoever was dealt its places has begun."""
COLLECT_AFTER = (50_000, 20, 50)
"""Allocations before the garbage collector looks at the young, and how often at the older: rows are no garbage."""


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return metrics over the real ports, fed by Faust.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    settings = MetricsSettings.from_environment(environment)
    service = wire(settings, real_ports(SERVICE, settings, environment), faust_feed(settings))
    gc.freeze()  # what was imported and wired stays
    gc.set_threshold(*COLLECT_AFTER)
    return service


def wire(settings: MetricsSettings, ports: Ports, feeds: Feeds = replaying) -> Service:
    """Return metrics over the given ports, not yet started.

    Args:
        settings: its settings.
        ports: the world.
        feeds: makes the feed from Kafka; without it a place that is gained is read from the topics' beginning.
    """
    owner = Owner(settings.places.count, ports.address, lingering=True)
    dead_letters = DeadLetters(SERVICE, ports.broker, ports.clock)
    projects = project_table(ports.broker, ports.clock, dead_letters)
    repository = Repository(owner.places, partial(_watched, projects))
    annotators = annotator_table(ports.broker, ports.clock, dead_letters)
    feed = feeds(ports, owner, repository)
    measure = Measure(repository, owner, projects, ports.broker, ports.telemetry, ports.clock, feed.look)
    feed.reading.lost.append(measure.drop)
    projects.listen(partial(_redefined, repository))
    surveys = Surveys(repository, owner, projects, annotators, measure, ports.telemetry)
    feed.reading.lost.append(surveys.drop)
    owning = Owning(measure)
    feed.reading.lost.append(owning.drop)
    parts: list[Part] = [
        Hook("telemetry", stop=lambda: asyncio.to_thread(ports.telemetry.tracing.shutdown)),
        Hook("store", stop=ports.store.close),
        dependencies(ports, settings.patience, "broker"),
        BrokerPart(ports.broker, ports.clock),
        Hook("peers", stop=ports.peers.close),
        projects,
        annotators,
        *feed.parts,
        repeating("measure", measure.turn, ports.clock, ports.telemetry, lambda: MEASURE_SECONDS),
        repeating("survey", surveys.turn, ports.clock, ports.telemetry, lambda: SURVEY_SECONDS),
        *ports.watches,
    ]
    shelf = LetterShelf(SERVICE, ports.broker, ports.clock)
    runtime = Runtime(SERVICE, [*parts, Hook("dead letters", stop=shelf.stop)], ports.clock)
    asgi = application(
        SERVICE,
        [api.router(), models.router(), worked.router(), own.router(), letters_router(shelf)],
        readiness=runtime,
        identity=ports.identity,
        telemetry=ports.telemetry,
        placing=Placing(owner, ports.peers, naming=settings.places.owners_named),
        state=Reached(measure, surveys, owning, annotators, Gather(owner, ports.peers)),
        is_model=models_in(annotators),
    )
    return Service(runtime, asgi, settings.http, LINGER_SECONDS)


def _watched(projects: Table[Project], project_id: str) -> Watch | None:
    """Return how the people of a project are watched that asks them for breaks."""
    project = projects.rows.get(project_id)
    if project is None or not project.policy.fatigue.breaks:
        return None
    known = project

    def says(gold: str, label: str) -> bool:
        try:
            return says_same(known.schema, known.read_text(gold), known.read_text(label))
        except LookupError:
            return gold == label  # one of them is of a version that is still on its way here

    return Watch(says, breaks_of(project))


def _redefined(repository: Repository, before: Project | None, after: Project) -> None:
    """Have a project measured anew where its targets change, and its people told of, too, where its schema does."""
    rows = repository.rows_of(after.project_id)
    if rows is None or before is None:
        return
    if before.schema_version != after.schema_version:
        rows.tell_anew(after.project_id)
    elif before.targets != after.targets and after.project_id in rows.sums:
        rows.changed.add(after.project_id)
