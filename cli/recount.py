"""`concord recount`: proves that a project's live figures are what the topics hold, by counting all of it anew."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import isclose
from typing import Any

import click
from rich.table import Table

from cli import statuses
from cli.session import Session, console, speaks
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Broker, BrokerUnavailable, Subscription
from concord.chassis.settings import KafkaSettings, SettingsRefused
from concord.chassis.settings_loading import load
from concord.client import Concord
from concord.client.asking import got, path_of
from concord.contracts.codec import Undecodable, decode
from services.metrics.recount import READ, Figures, Recount, pair_name

TOLERANCE = 1e-9
READ_AT_ONCE, WAIT_SECONDS = 2_000, 0.5
LOOKS_MAX = 20
"""A label takes a second or two into the live figures, and more may come meanwhile: so often they are compared."""
COUNTS = (
    "annotations",
    "annotations_counted",
    "gold_annotations",
    "gold_correct",
    "units_consensus",
    "units_adjudicated",
    "units_escalated",
    "units_unanswerable",
)
ESTIMATES = ("alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1")
Compared = list[tuple[str, float | None, float | None]]
TOPICS = {topic.name: topic for topic in READ}


@click.command("recount")
@click.argument("project_id")
@speaks
def verb(session: Session, project_id: str) -> None:
    """Count PROJECT_ID anew from all that the topics hold, and hold the quality API against it.

    The broker is reached as a service reaches it: CONCORD_KAFKA_BOOTSTRAP and the like, with a user that may read what
    metrics reads. Exit status 1: a figure differs by more than 1e-9; it is named. Topics keep events for thirty days:
    of an older project they hold a part alone, and it differs.
    """
    try:
        settings = load(KafkaSettings, os.environ)
    except SettingsRefused as refused:
        raise click.UsageError(str(refused)) from refused
    broker = KafkaBroker(
        settings.bootstrap,
        "recount",
        security=settings.security,
        sasl_mechanism=settings.sasl_mechanism,
        username=settings.username or None,
        password=settings.password.reveal() or None,
        ca_file=settings.ca_file,
    )
    with session.client() as concord:
        try:
            compared = asyncio.run(recounted(broker, concord, project_id))
        except BrokerUnavailable as away:
            click.echo(f"AWAY: {away}", err=True)
            sys.exit(statuses.AWAY)
    different = [name for name, live, anew in compared if not same(live, anew)]
    rows = [
        {"figure": name, "live": live, "recounted": anew, "same": same(live, anew)} for name, live, anew in compared
    ]
    session.told(rows, lambda: _show(rows))
    if different:
        click.echo(f"DIFFERENT: {', '.join(different)}", err=True)
        sys.exit(statuses.BROKEN)
    click.echo(f"EQUAL: {len(rows)} figures", err=session.as_json)


async def recounted(broker: Broker, concord: Concord, project_id: str, looks_max: int = LOOKS_MAX) -> Compared:
    """Return every live figure beside the one that was counted anew; as long as they differ more is read and asked.

    Raises:
        BrokerUnavailable: no answer.
    """
    counting, compared = Recount(project_id), Compared()
    reader = broker.subscribe(list(TOPICS), None)
    await reader.start()
    try:
        for _ in range(looks_max):
            await _read(reader, counting)
            live = await asyncio.to_thread(told, concord, project_id)
            try:
                anew = counting.figures()
            except ValueError as unknown:
                raise click.UsageError(f"{unknown}; is it the broker that these services use?") from unknown
            compared = [(name, value, anew.get(name)) for name, value in live.items()]
            if all(same(value, other) for _, value, other in compared):
                break
            await asyncio.sleep(WAIT_SECONDS)
    finally:
        await reader.stop()
        await broker.stop()
    return compared


async def _read(reader: Subscription, counting: Recount) -> None:
    """Take all that there is; what cannot be read is a dead letter, for metrics too."""
    while (records := await reader.poll(READ_AT_ONCE, WAIT_SECONDS)) or await reader.lag():
        for record in records:
            with suppress(Undecodable):
                counting.take(decode(TOPICS[record.topic], record.value))


def told(concord: Concord, project_id: str) -> Figures:
    """Return what the quality API tells of a project, by the names that a recount has."""
    path = path_of("/v1/projects/{id}/quality", id=project_id)
    quality: dict[str, Any] = concord.run(got(dict[str, Any], "metrics", path))
    pairs: dict[str, Any] = concord.run(got(dict[str, Any], "metrics", f"{path}/pairs"))
    found: Figures = {name: quality[name] for name in COUNTS}
    found |= {f"lots.{name}": value for name, value in quality["lots"].items()}
    for name in ESTIMATES:
        found |= dict(_estimate(name, quality[name]))
    for one in quality.get("fields", ()):
        found |= dict(_estimate(f"{one['field']}: alpha", one["alpha"]))
        found |= dict(_estimate(f"{one['field']}: percent_agreement", one["percent_agreement"]))
    for one in pairs["fields"]:
        before = f"{one['field']}: " if one["field"] else ""
        for pair in one["pairs"]:
            found |= dict(_estimate(pair_name(before, pair["first"], pair["second"]), pair["kappa"]))
    return found


def _estimate(name: str, found: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    yield name, found["value"]
    yield f"{name}.low", found["low"]
    yield f"{name}.high", found["high"]
    yield f"{name}.units", found["units"]


def same(live: float | None, anew: float | None) -> bool:
    """Return whether two figures are one: both missing, or within 1e-9."""
    if live is None or anew is None:
        return live is anew
    return isclose(live, anew, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table("figure", "live", "recounted", "")
    for one in rows:
        shown = ["–" if one[name] is None else f"{one[name]:.12g}" for name in ("live", "recounted")]
        table.add_row(one["figure"], *shown, "" if one["same"] else "DIFFERENT")
    console().print(table)
