"""`concord republish`: what a service's journal tells, on its topics once more, after a broker or a topic was lost."""

import asyncio
import os
import sys
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from cli import statuses
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Broker, BrokerUnavailable
from concord.chassis.clock import MICROSECONDS
from concord.chassis.journal.republishing import Progress, Wanted, republish
from concord.chassis.settings import KafkaSettings, MongodbSettings, PlacesSettings, SettingsRefused
from concord.chassis.settings_loading import load
from concord.chassis.store.mongo import MongoStore
from concord.chassis.store.port import Store, StoreUnavailable
from concord.contracts.topics import TOPICS

WITH_JOURNAL = ("ingest", "assign", "adjudicate", "audit")
"""Metrics keeps no journal: what it tells follows from the other topics, and is told anew."""
SHOWN_EVERY_SECONDS = 2.0
TIME = click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"])


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `--progress` keeps: of which service, which events, and how far it came; `is_done` when it is through."""

    service: str
    wanted: Wanted
    positions: dict[str, int]
    is_done: bool = False


@click.command("republish")
@click.argument("service", type=click.Choice(WITH_JOURNAL))
@click.option("--topic", "topics", multiple=True, help="Of this topic that SERVICE writes; of all if left out.")
@click.option("--place", type=click.IntRange(0), help="Of this place (partition) alone; without what has none.")
@click.option("--since", type=TIME, help="Decided since, UTC, as 2026-11-28 or 2026-11-28T06:00:00Z.")
@click.option("--until", type=TIME, help="Decided before, UTC; until now if left out.")
@click.option(
    "--progress",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep here how far it came, and go on from there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the end as JSON, for programs.")
def verb(
    service: str,
    topics: tuple[str, ...],
    place: int | None,
    since: datetime | None,
    until: datetime | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Say what SERVICE's journal holds on its topics once more: the same to the byte, so that it changes nothing twice.

    For a topic that was lost or emptied; docs/recovery.md says in which order. Store and broker are reached as SERVICE
    reaches them (CONCORD_MONGODB_URI, CONCORD_KAFKA_BOOTSTRAP and the like, CONCORD_PLACES), by a user that may read
    its database and write its topics. The service may run meanwhile. Interrupted, say it again: with --progress it goes
    on where it was, else it begins anew, and nothing is counted twice either way.
    """
    try:
        settings = load(KafkaSettings, os.environ), load(MongodbSettings, os.environ), load(PlacesSettings, os.environ)
    except SettingsRefused as refused:
        raise click.UsageError(str(refused)) from refused
    kafka, mongodb, places = settings
    begun = _asked(service, topics, place, places.count, (since, until))
    kept = begun if file is None or not file.exists() else _gone_on(begun, file)

    async def run() -> Progress:
        store = MongoStore.connect(mongodb.uri.reveal(), mongodb.database(service), mongodb.driver)
        broker = KafkaBroker(
            kafka.bootstrap,
            "republish",
            security=kafka.security,
            sasl_mechanism=kafka.sasl_mechanism,
            username=kafka.username or None,
            password=kafka.password.reveal() or None,
            ca_file=kafka.ca_file,
        )
        try:
            await broker.start()
            return await republished(store, broker, kept, file)
        finally:
            await broker.stop()
            await store.close()

    try:
        end = asyncio.run(run())
    except (BrokerUnavailable, StoreUnavailable) as away:
        click.echo(f"AWAY: {away}. Say it again; nothing is counted twice.", err=True)
        sys.exit(statuses.AWAY)
    if as_json:
        summary = {"service": service, "events": end.events, "unsayable": end.unsayable}
        click.echo(msgspec.json.encode(summary).decode())
    click.echo(f"REPUBLISHED: {end.events:,} events of {service}", err=as_json)
    if end.unsayable:
        click.echo(f"NOT SAYABLE: {end.unsayable:,} events that no broker takes; {service} has parked them", err=True)


async def republished(store: Store, broker: Broker, kept: Kept, file: Path | None) -> Progress:
    """Say it all, telling how far it is, and return the end.

    Args:
        store: of the service.
        broker: where to.
        kept: what, and from where on.
        file: keeps how far it came, after every publish; None: nothing does.

    Raises:
        StoreUnavailable, BrokerUnavailable: no answer.
    """
    progress, shown_at = Progress(dict(kept.positions), 0, 0, 0, 0), time.monotonic()
    async with aclosing(republish(store, broker, kept.wanted, kept.positions)) as steps:
        async for progress in steps:
            _keep(msgspec.structs.replace(kept, positions=progress.positions), file)
            if time.monotonic() >= shown_at + SHOWN_EVERY_SECONDS:
                shown_at = time.monotonic()
                at = datetime.fromtimestamp(progress.at_us / MICROSECONDS, UTC).isoformat(timespec="seconds")
                click.echo(f"{progress.events:,} events, of {at}; {progress.commits_left:,} commits left", err=True)
    _keep(msgspec.structs.replace(kept, positions=progress.positions, is_done=True), file)
    return progress


def _asked(
    service: str,
    topics: tuple[str, ...],
    place: int | None,
    places: int,
    times: tuple[datetime | None, datetime | None],
) -> Kept:
    written = {topic.name for topic in TOPICS if topic.writer == service}
    if others := sorted(set(topics) - written):
        raise click.UsageError(f"{service} does not write {others[0]}; it writes {', '.join(sorted(written))}")
    if place is not None and place >= places:
        raise click.UsageError(f"there is no place {place} of {places} (CONCORD_PLACES)")
    since_us = 0 if times[0] is None else _microseconds(times[0])
    until_us = round(time.time() * MICROSECONDS) if times[1] is None else _microseconds(times[1])
    names = frozenset(topics or written)
    return Kept(service, Wanted(topics=names, places=places, place=place, since_us=since_us, until_us=until_us), {})


def _gone_on(begun: Kept, file: Path) -> Kept:
    """Return what the file keeps, held against what is asked for.

    Raises:
        UsageError: it is of another service or of other events, or is none of ours.
    """
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    except msgspec.MsgspecError as fault:
        raise click.UsageError(f"{file} keeps no progress ({fault}); name another file") from fault
    # Left out, the end is whatever it was when it was begun.
    asked = msgspec.structs.replace(begun.wanted, until_us=kept.wanted.until_us)
    if (kept.service, kept.wanted) != (begun.service, asked):
        raise click.UsageError(f"{file} keeps the progress of {kept.service} with other options; name another file")
    if kept.is_done:
        raise click.UsageError(f"{file} tells of a republication that is through; delete it to begin anew")
    return kept


def _keep(kept: Kept, file: Path | None) -> None:
    if file is not None:
        beside = file.with_name(f".{file.name}.new")
        beside.write_bytes(msgspec.json.encode(kept))
        beside.replace(file)


def _microseconds(time_said: datetime) -> int:
    return round(time_said.replace(tzinfo=UTC).timestamp() * MICROSECONDS)
