"""Run the demo: `python -m demo`, or `make demo`."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
from rich.console import Console

from concord.quality.label_file import LabelFileError
from demo.client import Refused, Services
from demo.dataset import Dataset, read
from demo.job import Job, Outcome, Standstill
from demo.policy import SEED, slug_of
from demo.replay import over_seeds
from demo.report import figures, majority_accuracy, show, show_seeds, write
from demo.supervision import kept_running
from deploy.local import family, places
from deploy.local.elsewhere import Elsewhere
from deploy.local.listeners import is_free
from deploy.local.ports import REPLICAS_MAX, Ports
from deploy.local.processes import NotStarted
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "demo"
RTE = Path(__file__).parent / "data" / "rte"
PLAIN_COLUMNS = 120
SEEDS_MAX = 1_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=RTE,
    help="A folder with labels.csv (annotator,item,label[,seconds][,timestamp]), gold.csv (item,label: one line an "
    "item) and, if there is one, items.csv (item and columns of text).  [default: demo/data/rte]",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too."
)
@click.option("--seed", default=SEED, show_default=True, help="Draws the tenth of the units that is hidden gold.")
@click.option(
    "--seeds",
    type=click.IntRange(1, SEEDS_MAX),
    help="Start nothing: replay the services' decisions over so many choices of gold, and print mean and worst.",
)
@click.option(
    "--replicas",
    type=click.IntRange(1, REPLICAS_MAX),
    default=1,
    show_default=True,
    help="Processes of each service that run behind its one address.",
)
@click.option(
    "--prices",
    type=click.FloatRange(min=0, min_open=True),
    nargs=3,
    metavar="LABEL RULING ERROR",
    help="What a label, a senior's ruling and an error that is left cost, in any unit: these then say when a unit is "
    "settled, and not a tenth wrong at most.",
)
@click.option(
    "--stay",
    "--keep",
    "keep",
    is_flag=True,
    help="Leave everything running at the end, pages too; `make down` stops it.",
)
def main(
    data: Path,
    json_file: Path | None,
    seed: int,
    seeds: int | None,
    replicas: int,
    prices: tuple[float, ...] | None,
    keep: bool,
) -> None:
    """Run the main job on real data: a crowd's labels are replayed through Concord.

    Broker, store and the five services are started for it and stopped at the end, whatever happens;
    CONCORD_KAFKA_BOOTSTRAP and CONCORD_MONGODB_URI name a broker and a store to use instead.
    """
    console = Console(width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
    try:
        dataset = read(data)
        for remark in dataset.remarks:
            console.print(f"{data.name}: {remark}", highlight=False, markup=False, soft_wrap=True)
        if seeds is None:
            status = asyncio.run(_run(console, dataset, json_file, seed, replicas, prices or (), keep))
        else:
            status = _replayed(console, dataset, json_file, seeds, prices or ())
    except (LabelFileError, Refused, Standstill, NotStarted) as fault:
        console.print(f"demo: {fault}", style="red", highlight=False, markup=False, soft_wrap=True)
        status = 1
    except ExceptionGroup as group:
        for each in group.exceptions:
            console.print(f"demo: {each}", style="red", highlight=False, markup=False, soft_wrap=True)
        status = 1
    except KeyboardInterrupt:
        console.print("demo: interrupted; everything it started was stopped")
        status = 130
    sys.exit(status)


def _replayed(console: Console, dataset: Dataset, json_file: Path | None, seeds: int, prices: tuple[float, ...]) -> int:
    """Show what comes of one choice of gold after another."""
    runs = over_seeds(dataset, seeds, prices)
    show_seeds(console, runs, seeds, majority_accuracy(dataset))
    if json_file is not None:
        write(json_file, {"seeds": runs})
    return 0


async def _run(
    console: Console,
    dataset: Dataset,
    json_file: Path | None,
    seed: int,
    replicas: int,
    prices: tuple[float, ...],
    keep: bool,
) -> int:
    await asyncio.to_thread(_stop_what_stayed, console)
    # Every run starts from nothing, so that the same data and seed come to the same figures.
    shutil.rmtree(FOLDER / "data", ignore_errors=True)
    elsewhere = Elsewhere.from_environment(os.environ)
    stack = Stack(
        FOLDER,
        _ports(),
        elsewhere=elsewhere,
        say=lambda line: console.print(line, highlight=False, soft_wrap=True),
        replicas=replicas,
        workbench=keep,
    )
    async with stack, Services(stack.addresses) as services:
        job = Job(dataset, services, stack.issuer, console, FOLDER / "out", slug_of(dataset.name), seed, prices)
        async with kept_running(stack, console):
            outcome = await job.run()
        cpu = {name: stack.cpu_seconds(name) for name in (*stack.services, *_own(elsewhere))}
        found = figures(dataset, outcome, cpu)
        verify = _command(outcome)
        show(console, found, " ".join(verify), stack.addresses)
        if json_file is not None:
            write(json_file, found)
        if keep:
            stack.detach()
    status = (await asyncio.to_thread(subprocess.run, verify, check=False)).returncode
    _say_the_end(console, stack.addresses.get("workbench") if keep else None, outcome.project_id)
    return status


def _stop_what_stayed(console: Console) -> None:
    """Stop what an earlier `--stay` left running: its data goes away, and it may have been started otherwise."""
    if family.members(FOLDER):
        console.print("What the last demo left running is stopped first.")
        family.stop(FOLDER)


def _say_the_end(console: Console, pages: str | None, project_id: str) -> None:
    """Say last, where nobody scrolls for it, what runs still and where to look."""
    if pages is None:
        console.print("It is stopped now; `make demo ARGS=--stay` leaves it running, pages too.")
        return
    console.print(
        f"Sign in at {pages}/sign-in; a client then sees the job at {pages}/projects/{project_id}",
        highlight=False,
        soft_wrap=True,
    )
    console.print("It is left running at these addresses; `make down` stops it.")


def _own(elsewhere: Elsewhere) -> list[str]:
    """Return which of broker and store are the stack's own."""
    there = {"kafka": elsewhere.kafka_bootstrap, "mongodb": elsewhere.mongodb_uri}
    return [name for name, address in there.items() if address is None]


def _ports() -> Ports:
    """Return the documented ports, or others while something else listens on one of them."""
    usual = Ports.from_environment(os.environ)
    return usual if all(map(is_free, usual.all())) else Ports.free()


def _command(outcome: Outcome) -> list[str]:
    """Return the command by which anyone verifies the certificate offline."""
    concord = (places.ENVIRONMENT / "bin" / "concord").relative_to(places.ROOT)
    paths = [str(path.relative_to(places.ROOT)) for path in (outcome.certificate, outcome.export)]
    return [str(concord), "verify", *paths, "--public-key", outcome.public_key]


if __name__ == "__main__":
    main()
