"""Adjudicate's composition root: settings and ports in, a wired service out."""

import random
from collections.abc import Mapping
from functools import partial

from concord.chassis.annotators import kind_table, models_in
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.http import application
from concord.chassis.journal.rows import ROWS
from concord.chassis.letter_door import letters_router
from concord.chassis.letter_shelf import LetterShelf
from concord.chassis.places.forward import Placing
from concord.chassis.places.gather import Gather
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.projects import project_table
from concord.chassis.runtime import Hook, Runtime, Service, repeating
from concord.chassis.telemetry import Instruments
from concord.chassis.wiring import Placed, consumer_part, journal_part, ordered, real_ports
from services.adjudicate import api, events
from services.adjudicate.announcements import SERVICE
from services.adjudicate.door import candidates, closing, gold, inferences, objects, questions, repeats, retraining
from services.adjudicate.door.means import Door
from services.adjudicate.handlers import Handlers
from services.adjudicate.repository import LISTED, NOTES, TALLIES, Repository
from services.adjudicate.settings import AdjudicateSettings
from services.adjudicate.telemetry import INSTRUMENTS

LOOK_SECONDS = 0.5
AGE_SECONDS = 10.0


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return adjudicate over the real ports.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    settings = AdjudicateSettings.from_environment(environment)
    return wire(settings, real_ports(SERVICE, settings, environment))


def wire(settings: AdjudicateSettings, ports: Ports) -> Service:
    """Return adjudicate over the given ports, not yet started."""
    journal = journal_part(ports)
    letters = DeadLetters(SERVICE, ports.broker, ports.clock)
    projects = project_table(ports.broker, ports.clock, letters)
    annotators = kind_table(ports.broker, ports.clock, letters)
    owner = Owner(settings.places.count, ports.address)
    repository = Repository(journal.journal, owner.places)
    instruments = ports.telemetry.instruments(INSTRUMENTS)
    secret = settings.payload_links.keys[0]
    handlers = Handlers.of(repository, projects, instruments, ports.clock, owner.open, secret)
    consumer = consumer_part(SERVICE, ports, journal, events.handlers(handlers), settings.patience, owner)
    age = partial(_tell_age, repository, instruments, ports.clock)
    ageing = repeating("age of escalations", age, ports.clock, ports.telemetry, lambda: AGE_SECONDS)
    appeals = partial(_tell_appeals, handlers, instruments, ports.clock)
    appealing = repeating("appeals on gold", appeals, ports.clock, ports.telemetry, lambda: AGE_SECONDS)
    parts = ordered(
        ports,
        journal,
        consumer,
        collections=[ROWS, LISTED, NOTES, TALLIES],
        tables=[projects, annotators],
        places=Placed(owner, handlers.redefinitions),
        patience=settings.patience,
        loops=[
            ageing,
            appealing,
            *(
                repeating(name, turn, ports.clock, ports.telemetry, lambda: LOOK_SECONDS)
                for name, turn in (
                    ("new policies", handlers.redefinitions.decide),
                    ("class tallies", handlers.learning.keep),
                    ("answered questions", handlers.questions.go_on),
                    ("late admissions", partial(_hear_again, handlers, owner)),
                    ("pages of rows", journal.journal.rows.tidy),
                )
            ),
        ],
    )
    shelf = LetterShelf(SERVICE, ports.broker, ports.clock)
    runtime = Runtime(
        SERVICE,
        [*parts, Hook("dead letters", stop=shelf.stop), Hook("inferences", stop=handlers.inferring.stop)],
        ports.clock,
    )
    door = application(
        SERVICE,
        [
            api.router(),
            *(
                module.router()
                for module in (gold, candidates, retraining, questions, repeats, closing, objects, inferences)
            ),
            letters_router(shelf),
        ],
        readiness=runtime,
        identity=ports.identity,
        telemetry=ports.telemetry,
        domain={**api.STATUSES, **gold.STATUSES, **candidates.STATUSES, **retraining.STATUSES, **inferences.STATUSES},
        placing=Placing(owner, ports.peers, naming=settings.places.owners_named),
        state=Door(handlers, settings, random.Random(ports.writer), Gather(owner, ports.peers)),
        is_model=models_in(annotators),
    )
    return Service(runtime, door, settings.http)


async def _hear_again(handlers: Handlers, owner: Owner) -> None:
    """Admit what was admitted by way of another process, in the places that this one serves."""
    for place in owner.open():
        await handlers.units.hear_again(place)


async def _tell_age(repository: Repository, instruments: Instruments, clock: Clock) -> None:
    """Tell how many escalations of this process's places wait, and how long the oldest has."""
    instruments.gauge("concord_adjudicate_escalations_open").set(repository.escalations_open)
    since_us = min((view.oldest_us for _, view in repository.views if view.escalations_open), default=0)
    seconds = max(0, clock.now_us() - since_us) / MICROSECONDS if since_us else 0
    instruments.gauge("concord_adjudicate_escalation_oldest_seconds").set(seconds)


async def _tell_appeals(handlers: Handlers, instruments: Instruments, clock: Clock) -> None:
    """Tell for how long the oldest appeal against a known label has waited, in this process's places."""
    since_us = await handlers.gold.appeal_open_since()
    seconds = max(0, clock.now_us() - since_us) / MICROSECONDS if since_us else 0
    instruments.gauge("concord_adjudicate_gold_appeal_waiting_seconds").set(seconds)
