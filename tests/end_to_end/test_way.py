"""The whole way on the real stack: client to verified certificate, with services killed on the way."""

import asyncio
import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.main import main
from cli.session import TOKEN
from demo.client import Services
from demo.dataset import Dataset, read
from demo.job import Job, Outcome
from demo.replay import figures_of, replay
from demo.report import figures
from demo.supervision import kept_running
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.conftest import a_folder
from tests.end_to_end.judge import faults, heard
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

ITEMS, EVERY = 120, 6
PEOPLE_MIN = 100
"""More than a page of a list holds: the job has to read on."""
KILL_EVERY_SECONDS = 1.5
COUNTS = (
    "units", "annotations", "resolved_by_consensus", "resolved_by_adjudication", "consensus_accuracy",
    "resolved_accuracy", "accepted_accuracy", "lots_accepted", "lots_rejected", "units_inspected", "alpha",
)  # fmt: skip
REPLAYED = ("consensus_accuracy", "resolved_accuracy", "labels_per_unit_without_gold", "escalated_share")


@pytest.fixture(scope="module", autouse=True)
def patient() -> Iterator[None]:
    """Have the job wait for what it waits for: what it would do else, so as not to wait, makes other figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("demo.job.UNLEARNT_SECONDS", PATIENCE_SECONDS / 3)
        patch.setattr("demo.job.STANDSTILL_SECONDS", PATIENCE_SECONDS)
        patch.setattr("demo.client.PATIENCE_SECONDS", PATIENCE_SECONDS)
        yield


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Every sixth item of the real data set, as a folder of its own: so many people answered these."""
    source, folder = places.ROOT / "demo/data/rte", tmp_path_factory.mktemp("some")
    with (source / "items.csv").open(newline="") as lines:
        wanted = {row["item"] for row in list(csv.DictReader(lines))[::EVERY][:ITEMS]}
    for name in ("labels.csv", "gold.csv", "items.csv"):
        with (source / name).open(newline="") as lines, (folder / name).open("w", newline="") as kept:
            reader = csv.DictReader(lines)
            writer = csv.DictWriter(kept, list(reader.fieldnames or ()))
            writer.writeheader()
            writer.writerows(row for row in reader if row["item"] in wanted)
    return read(folder)


async def _killer(stack: Stack, killed: list[str]) -> None:
    """Kill a process of each service once, the way kill -9 does, while the job runs."""
    for turn, service in enumerate(stack.services):
        await asyncio.sleep(KILL_EVERY_SECONDS)
        processes = stack.parts(service)
        await asyncio.to_thread(stack.kill, processes[turn % len(processes)].name)
        killed.append(service)


async def _job(
    dataset: Dataset, folder: Path, kill: bool, replicas: int = 1
) -> tuple[dict[str, Any], Job, list[str], list[str]]:
    """Run the job; return its figures, itself, the faults that the judge found, and what was killed."""
    console, killed = Console(force_terminal=False), list[str]()
    stack = Stack(folder, Ports.free(), replicas=replicas)
    async with stack, Services(stack.addresses) as services:
        job = Job(dataset, services, stack.issuer, console, folder / "out", "some", seed=1)
        async with kept_running(stack, console):
            if kill:
                killer = asyncio.create_task(_killer(stack, killed))
                outcome = await job.run()
                await killer
            else:
                outcome = await job.run()
        await _scored(services, job)
        found = await _judged(stack, len(dataset.items), outcome)
        if kill:
            await _recounted(stack, outcome.project_id)
        body = figures(dataset, outcome, {name: stack.cpu_seconds(name) for name in stack.services})
    return body, job, found, killed


async def _judged(stack: Stack, items: int, outcome: Outcome) -> list[str]:
    """Return the faults that stay: what was acknowledged is told a moment later."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        evidence = await heard(stack.kafka_bootstrap)
        found = list(faults(evidence, outcome.labels, items, outcome.export.read_bytes()))
        if not found or time.monotonic() > give_up_at:
            return found


async def _scored(services: Services, job: Job) -> None:
    """Have a model that always says the same be held against what was accepted."""
    rows = [json.loads(line) for line in job.outcome.export.read_bytes().splitlines()]
    answer = rows[0]["label"]
    base = f"/v1/projects/{job.outcome.project_id}/models"
    lines = [{"event_id": row["source_id"], "model": "same", "model_version": "1", "label": answer} for row in rows]
    body = b"\n".join(json.dumps(entry).encode() for entry in [*lines, {**lines[0], "event_id": "never came"}])
    kind = "application/x-ndjson"
    document = json.loads(await services.bytes("audit", "POST", f"{base}/outputs", job.client, body, kind))
    assert document["posted"] + document["repeated"] == len(rows) + 1
    (model,) = (await services.json("audit", "GET", base, job.client))["models"]
    score = await services.json("audit", "GET", f"{base}/{model['model_id']}/score", job.client)
    assert (score["scored"], score["not_scored"]["not_admitted"]) == (len(rows), 1)
    right = sum(row["label"] == answer for row in rows)
    assert score["accuracy"]["value"] == pytest.approx(right / len(rows))


async def _recounted(stack: Stack, project_id: str) -> None:
    """Count the project anew, from the topics and from the journals, by the command; both are what is live."""
    names = {
        "CONCORD_METRICS_URL": stack.addresses["metrics"],
        "CONCORD_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
        "CONCORD_MONGODB_URI": stack.mongodb_uri,
        TOKEN: stack.issuer.token("operator", "recount"),
    }
    for more in ([], ["--journals"]):
        arguments = ["recount", project_id, *more]
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            result = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=names)
            equal = (result.exit_code, "EQUAL" in result.output) == (0, True)
            if equal or time.monotonic() > give_up_at:
                break
        assert equal, result.output


async def _verified(outcome: Outcome) -> tuple[int, str]:
    """Run the command that anyone may run; return its exit status and what it said of a fault."""
    concord = str(places.ENVIRONMENT / "bin" / "concord")
    process = await asyncio.create_subprocess_exec(
        concord,
        "verify",
        str(outcome.certificate),
        str(outcome.export),
        "--public-key",
        outcome.public_key,
        stderr=asyncio.subprocess.PIPE,
    )
    _, encoded = await process.communicate()
    return process.returncode or 0, encoded.decode()


@pytest.fixture(scope="module")
def calm(dataset: Dataset) -> Iterator[tuple[dict[str, Any], Job]]:
    """What comes of the job where nothing is killed and every service is one process."""
    with a_folder() as folder:
        entry, job, found, _ = asyncio.run(_job(dataset, folder, kill=False))
        assert found == []
        yield entry, job


def test_the_services_come_to_what_their_decisions_come_to_without_a_stack(
    dataset: Dataset, calm: tuple[dict[str, Any], Job]
) -> None:
    """The figures that the README prints are those of a replay; here a stack comes to the very same ones."""
    found, _ = calm
    assert len(dataset.annotators) > PEOPLE_MIN
    replayed = figures_of(dataset, replay(dataset, seed=1))
    assert {name: found[name] for name in REPLAYED} == {name: replayed[name] for name in REPLAYED}


@pytest.mark.parametrize("replicas", [1, 2])
async def test_killing_a_process_of_every_service_changes_nothing_of_what_comes_out(
    dataset: Dataset, folder: Path, calm: tuple[dict[str, Any], Job], replicas: int
) -> None:
    quiet, quiet_job = calm
    stormy, job, found, killed = await _job(dataset, folder, kill=True, replicas=replicas)
    assert killed == ["ingest", "assign", "adjudicate", "audit", "metrics"]
    assert found == []
    assert {name: stormy[name] for name in COUNTS} == {name: quiet[name] for name in COUNTS}
    for outcome in (quiet_job.outcome, job.outcome):
        assert (await _verified(outcome))[0] == 0
    changed = job.outcome.export
    changed.write_bytes(changed.read_bytes().replace(b'"label":"1"', b'"label":"0"', 1))
    status, text = await _verified(job.outcome)
    assert status == 1
    assert "export was changed" in text
