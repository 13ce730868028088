"""`concord recount`: proves that live figures are what topics or journals hold, by counting all of it anew."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from math import isclose
from typing import Any

import click

from cli import statuses
from cli.recounting import Journals, Source, Topics
from cli.session import Session, console, speaks, table_of
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.settings import KafkaSettings, MongodbSettings, SettingsRefused
from concord.chassis.settings_loading import load
from concord.chassis.store.mongo import MongoStore
from concord.chassis.store.port import Store, StoreUnavailable
from concord.client import Concord
from concord.client.asking import got, path_of
from services.metrics.recount import Figures, Recount, pair_name

TOLERANCE = 1e-9
WAIT_SECONDS = 0.5
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


@click.command("recount")
@click.argument("project_id")
@click.option("--journals", is_flag=True, help="Read the services' journals in MongoDB, and not the topics.")
@speaks
def verb(session: Session, project_id: str, journals: bool) -> None:
    """Count PROJECT_ID anew from all that the topics or the journals hold, and hold the quality API against it.

    Broker and store are reached as a service reaches them: CONCORD_KAFKA_BOOTSTRAP or CONCORD_MONGODB_URI and the like,
    with a user that may read what metrics reads, or the databases of ingest, assign, adjudicate and audit. Exit status
    1: a figure differs by more than 1e-9; it is named. Topics keep events for thirty days: of an older project they
    hold a part alone, and it differs; journals keep them.
    """
    try:
        source = _journals(project_id) if journals else _topics()
    except SettingsRefused as refused:
        raise click.UsageError(str(refused)) from refused
    with session.client() as concord:
        try:
            compared = asyncio.run(recounted(source, concord, project_id))
        except (BrokerUnavailable, StoreUnavailable) as away:
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


def _topics() -> Callable[[], Source]:
    settings = load(KafkaSettings, os.environ)

    def made() -> Source:
        broker = KafkaBroker(
            settings.bootstrap,
            "recount",
            security=settings.security,
            sasl_mechanism=settings.sasl_mechanism,
            username=settings.username or None,
            password=settings.password.reveal() or None,
            ca_file=settings.ca_file,
        )
        return Topics(broker)

    return made


def _journals(project_id: str) -> Callable[[], Source]:
    settings = load(MongodbSettings, os.environ)

    def opened(service: str) -> Store:
        return MongoStore.connect(settings.uri.reveal(), settings.database(service), settings.driver)

    return lambda: Journals(opened, project_id)


async def recounted(source: Callable[[], Source], concord: Concord, project_id: str) -> Compared:
    """Return every live figure beside the one that was counted anew; as long as they differ more is read and asked.

    Args:
        source: opens where events are read, on the event loop that reads them.
        concord: asks for what is live.
        project_id: whose.

    Raises:
        BrokerUnavailable, StoreUnavailable: no answer.
    """
    counting, compared, reading = Recount(project_id), Compared(), source()
    try:
        for _ in range(LOOKS_MAX):
            await reading.read(counting)
            live = await asyncio.to_thread(told, concord, project_id)
            try:
                anew = counting.figures()
            except ValueError as unknown:
                raise click.UsageError(f"{unknown}; is it what these services use?") from unknown
            compared = [(name, value, anew.get(name)) for name, value in live.items()]
            if all(same(value, other) for _, value, other in compared):
                break
            await asyncio.sleep(WAIT_SECONDS)
    finally:
        await reading.stop()
    return compared


def told(concord: Concord, project_id: str) -> Figures:
    """Return what the quality API tells of a project, by the names that a recount has."""
    path = path_of("/v1/projects/{id}/quality", id=project_id)
    quality: dict[str, Any] = concord.run(got(dict[str, Any], "metrics", path))
    pairs: dict[str, Any] = concord.run(got(dict[str, Any], "metrics", f"{path}/pairs"))
    found: Figures = {name: quality[name] for name in COUNTS}
    found |= {f"lots.{name}": value for name, value in quality["lots"].items()}
    for name in ESTIMATES:
        found |= dict(_estimate(name, quality[name]))
    for field in quality.get("fields", ()):
        found |= dict(_estimate(f"{field['field']}: alpha", field["alpha"]))
        found |= dict(_estimate(f"{field['field']}: percent_agreement", field["percent_agreement"]))
    for schema_version in quality.get("schema_versions", ()):
        about = f"schema {schema_version['schema_version']}"
        found |= dict(_estimate(f"{about}: alpha", schema_version["alpha"]))
        found |= dict(_estimate(f"{about}: percent_agreement", schema_version["percent_agreement"]))
    for entry in pairs["fields"]:
        before = f"{entry['field']}: " if entry["field"] else ""
        for pair in entry["pairs"]:
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
    table = table_of("figure", "live", "recounted", "")
    for row in rows:
        shown = ["–" if row[name] is None else f"{row[name]:.12g}" for name in ("live", "recounted")]
        table.add_row(row["figure"], *shown, "" if row["same"] else "DIFFERENT")
    console().print(table)
