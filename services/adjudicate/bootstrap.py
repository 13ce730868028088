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
from concord.chassis.telemetry import ByProject, Instruments
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
OLDEST = "concord_adjudicate_project_escalation_oldest_seconds"
APPEAL = "concord_adjudicate_project_gold_appeal_waiting_seconds"


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
    oldest = ByProject(instruments, OLDEST)
    age = partial(_tell_ages, repository, instruments, oldest, ports.clock)
    ageing = repeating("age of escalations", age, ports.clock, ports.telemetry, lambda: AGE_SECONDS)
    appeals = partial(_tell_appeals, handlers, ByProject(instruments, APPEAL), ports.clock)
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


async def _tell_ages(repository: Repository, instruments: Instruments, ages: ByProject, clock: Clock) -> None:
    """Tell how many escalations of this process's places wait, and how long the oldest of each project has."""
    instruments.gauge("concord_adjudicate_escalations_open").set(repository.escalations_open)
    oldest = {project_id: view.oldest_us for project_id, view in repository.views if view.escalations_open}
    _tell(ages, oldest, clock)


async def _tell_appeals(handlers: Handlers, appeals: ByProject, clock: Clock) -> None:
    """Tell for how long the oldest appeal of each project here against a known label has waited."""
    _tell(appeals, await handlers.gold.appeals_open_since(), clock)


def _tell(gauge: ByProject, since_us: Mapping[str, int], clock: Clock) -> None:
    """Tell how long ago that was; of 0 nothing is known."""
    now_us = clock.now_us()
    gauge.tell({project_id: max(0, now_us - us) / MICROSECONDS for project_id, us in since_us.items() if us})
