"""Assign's composition root: settings and ports in, a wired service out."""

import random
from collections.abc import Mapping
from functools import partial

from concord.chassis.annotators import models_in
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.http import application
from concord.chassis.letter_door import letters_router
from concord.chassis.letter_shelf import LetterShelf
from concord.chassis.places.forward import Placing
from concord.chassis.places.gather import Gather
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.projects import project_table
from concord.chassis.runtime import Hook, Runtime, Service, repeating
from concord.chassis.sealing import LocalKeys, Sealer
from concord.chassis.table import Table
from concord.chassis.wiring import Placed, consumer_part, journal_part, ordered, real_ports
from concord.contracts.topics import ANNOTATORS
from services.assign import api, events
from services.assign.announcements import SERVICE
from services.assign.door.desk import Desk
from services.assign.handlers import EXPIRE_LEASES_MAX, Handlers
from services.assign.repository import ACKNOWLEDGED, DRAFTS, FRESH, Repository
from services.assign.settings import AssignSettings
from services.assign.telemetry import INSTRUMENTS

EXPIRE_SECONDS = 1.0
LOOK_SECONDS = 1.0
WRITE_SECONDS = 5.0
TIDY_SECONDS = 1.0
STOCK_SECONDS = 15.0
FLOOR_SECONDS = 10.0
DRAFT_SECONDS = 2.0
DRAFT_LOOK_SECONDS = 30.0
"""How often it is looked for drafts that another process has kept in our places since they were loaded."""


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return assign over the real ports.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    settings = AssignSettings.from_environment(environment)
    return wire(settings, real_ports(SERVICE, settings, environment))


def wire(settings: AssignSettings, ports: Ports) -> Service:
    """Return assign over the given ports, not yet started.

    What is drawn at random follows from the writer's name, so that a simulation repeats itself.
    """
    journal = journal_part(ports)
    owner = Owner(settings.places.count, ports.address)
    id_secret = settings.ids.secret.key()
    sealer = Sealer(LocalKeys(id_secret), ports.random)
    repository = Repository(journal.journal, owner, id_secret, random.Random(ports.writer), sealer)
    letters = DeadLetters(SERVICE, ports.broker, ports.clock)
    projects = project_table(ports.broker, ports.clock, letters)
    annotators = Table(ports.broker, ANNOTATORS, events.annotator_from, ports.clock, letters)
    annotators.listen(repository.annotator_told)
    projects.listen(repository.project_told)
    instruments = ports.telemetry.instruments(INSTRUMENTS)
    handlers = Handlers.of(repository, projects, instruments, ports.clock, ports.writer)
    expire = partial(_expire, handlers)
    expiring = repeating("lease ends", expire, ports.clock, ports.telemetry, lambda: EXPIRE_SECONDS)
    look = handlers.stranded.look
    looking = repeating("units nobody is left for", look, ports.clock, ports.telemetry, lambda: LOOK_SECONDS)
    ending = repeating("closed projects", handlers.closing.look, ports.clock, ports.telemetry, lambda: LOOK_SECONDS)
    write = handlers.leases.write_active_times
    writing = repeating("active times", write, ports.clock, ports.telemetry, lambda: WRITE_SECONDS)
    tidy = repository.fresh.tidy
    tidying = repeating("pages of fresh units", tidy, ports.clock, ports.telemetry, lambda: TIDY_SECONDS)
    stocks = handlers.gold_stocks.look
    stocktaking = repeating("gold left", stocks, ports.clock, ports.telemetry, lambda: STOCK_SECONDS)
    conduct = handlers.conduct.look
    appeals = handlers.conduct_appeals.look
    appealing = repeating("appeals that wait for a lead", appeals, ports.clock, ports.telemetry, lambda: STOCK_SECONDS)
    conducting = repeating("people who wait for a lead", conduct, ports.clock, ports.telemetry, lambda: STOCK_SECONDS)
    floor = repeating("the floor", handlers.floor.look, ports.clock, ports.telemetry, lambda: FLOOR_SECONDS)
    drafts = handlers.drafting.end
    drafting = repeating("drafts of ended leases", drafts, ports.clock, ports.telemetry, lambda: DRAFT_SECONDS)
    learn = handlers.drafting.look
    learning = repeating("drafts kept by others", learn, ports.clock, ports.telemetry, lambda: DRAFT_LOOK_SECONDS)
    parts = ordered(
        ports,
        journal,
        consumer_part(SERVICE, ports, journal, events.handlers(handlers), settings.patience, owner),
        collections=[FRESH, ACKNOWLEDGED, DRAFTS],
        tables=[projects, annotators],
        places=Placed(owner, repository),
        patience=settings.patience,
        loops=[
            expiring,
            looking,
            ending,
            writing,
            tidying,
            stocktaking,
            conducting,
            appealing,
            floor,
            drafting,
            learning,
        ],
    )
    shelf = LetterShelf(SERVICE, ports.broker, ports.clock)
    runtime = Runtime(SERVICE, [*parts, Hook("dead letters", stop=shelf.stop)], ports.clock)
    door = application(
        SERVICE,
        [*api.routers(), letters_router(shelf)],
        readiness=runtime,
        identity=ports.identity,
        telemetry=ports.telemetry,
        domain=api.STATUSES,
        placing=Placing(owner, ports.peers, anywhere=api.ANYWHERE, naming=settings.places.owners_named),
        state=Desk(handlers, settings.payload_links, ports.clock, Gather(owner, ports.peers)),
        is_model=models_in(annotators),
    )
    return Service(runtime, door, settings.http)


async def _expire(handlers: Handlers) -> None:
    """End what has passed; go on at once while a whole batch had."""
    while await handlers.leases.expire() == EXPIRE_LEASES_MAX:
        pass
