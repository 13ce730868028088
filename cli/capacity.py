"""`concord capacity`: what a load takes, from what things were measured to cost; offline."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from cli.session import show_table
from concord.capacity.costs import Costs, measured, read
from concord.capacity.plan import BROKER, STORE, Load, Plan, Prices, plan, spent

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
LOAD: Mapping[str, str] = {
    "labels_a_unit": "Labels of a unit in the mean, gold and late ones included.",
    "checks_a_unit": "Rulings and audits of a unit in the mean; each is taken to cost what a label does.",
    "peak": "The busiest minute's rate by the day's mean.",
    "unit_kb": "Kilobytes of a unit's content, beyond the .3 that was measured with.",
    "kept_days": "How long units and labels stay in the store.",
    "topic_days": "How long topics keep their records.",
    "busy": "The share of a core that is to be in use at the peak.",
    "store_share": "CPU of your store by that of the local stand-in, with which it was measured.",
    "disk_share": "Disk of your store by that of the stand-in, which keeps its log beside and compresses nothing.",
}
PRICES: Mapping[str, str] = {
    "core_hour": "A core for an hour, in any currency.",
    "memory_gb_hour": "A gigabyte of memory for an hour.",
    "disk_gb_month": "A gigabyte of disk for a month.",
}
ABOVE_ZERO = click.FloatRange(min=0, min_open=True)


def _numbers(named: Mapping[str, str], defaults: type[msgspec.Struct]) -> Callable[[Any], Any]:
    """Return what gives a command an option for each of these fields, with their defaults."""
    values = {field.name: field.default for field in msgspec.structs.fields(defaults)}

    def give(command: Any) -> Any:
        for name, text in reversed(list(named.items())):
            kind = click.FloatRange(min=0) if name in ("checks_a_unit", "unit_kb") else ABOVE_ZERO
            kind = click.FloatRange(min=0.1, max=0.9) if name == "busy" else kind
            option = "--" + name.replace("_", "-")
            command = click.option(option, type=kind, default=values[name], show_default=True, help=text)(command)
        return command

    return give


@click.command("capacity")
@click.argument("units_a_day", type=click.FloatRange(min=1))
@_numbers(LOAD, Load)
@_numbers(PRICES, Prices)
@click.option(
    "--costs", "costs_file", type=FILE, help="Other costs: what `make bench ARGS='--only whole --json FILE'` wrote."
)
@click.option("--against", "run", type=FILE, help="Hold the costs against another such run, instead of planning.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verb(units_a_day: float, costs_file: Path | None, run: Path | None, as_json: bool, **numbers: float) -> None:
    """Say what UNITS_A_DAY take: processes, partitions, brokers, store and money.

    From CPU and disk that were measured on the local stack, whose store is a stand-in: --store-share and --disk-share
    say what yours takes beside it. Prices are examples: give your own.
    """
    costs = measured() if costs_file is None else _costs(costs_file)
    if run is not None:
        _hold_against(costs, _costs(run), as_json)
        return
    load = Load(units_a_day, **{name: numbers[name] for name in LOAD})
    found = plan(load, costs, Prices(**{name: numbers[name] for name in PRICES}))
    if as_json:
        click.echo(msgspec.json.encode({"load": load, "costs": costs, "plan": found}))
    else:
        _show(load, costs, found)


def _costs(file: Path) -> Costs:
    try:
        return read(file.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        cure = "give what `make bench ARGS='--only whole --json FILE'` wrote"
        raise click.UsageError(f"{file} holds no costs: {fault}; {cure}") from fault


def _show(load: Load, costs: Costs, found: Plan) -> None:
    click.echo(
        f"{load.units_a_day:,.0f} units and {load.units_a_day * load.labels_a_unit:,.0f} labels a day; at the peak "
        f"{found.units_a_second:,.1f} units, and {found.labels_a_second:,.1f} labels, rulings and audits a second."
    )
    rows = [
        (
            part.name,
            f"{part.cores:,.2f}",
            f"{part.processes:,}",
            f"{part.memory_gb:,.0f}",
            f"{part.disk_gb:,.0f}" if part.name in (STORE, BROKER) else "",
            f"{part.money:,.0f}",
        )
        for part in found.parts
    ]
    show_table(("what", "cores at the peak", "processes", "memory GB", "disk GB", "a month"), rows)
    click.echo(
        f"{found.places} places (CONCORD_PLACES), {found.shards} shard{'s' * (found.shards > 1)} of the store; "
        f"{found.money:,.0f} a month, {found.money_a_label:.6f} a label."
    )
    for warning in found.warnings:
        click.echo(f"NOTE: {warning}", err=True)
    click.echo(f"Costs: measured at {costs.units:,} units, {costs.at or 'at a time that is not told'}, {costs.commit}.")


def _hold_against(costs: Costs, run: Costs, as_json: bool) -> None:
    """Print, process by process, what a run was expected to cost and what it did."""
    counts = run.work.unit.operations, run.work.label.operations
    seconds = run.work.unit.seconds + run.work.label.seconds
    expected, found = spent(costs, *counts, seconds), spent(run, *counts, seconds)
    lines = {**{name: (expected[name], found[name]) for name in expected}}
    lines["all"] = (sum(expected.values()), sum(found.values()))
    if as_json:
        compared = {name: {"expected_s": value, "measured_s": other} for name, (value, other) in lines.items()}
        click.echo(msgspec.json.encode(compared))
        return
    click.echo(f"{run.work.unit.operations:,} units and {run.work.label.operations:,} labels:")
    rows = [(name, f"{value:.1f}", f"{other:.1f}", f"{other / value:.2f}") for name, (value, other) in lines.items()]
    show_table(("what", "expected CPU s", "measured CPU s", "ratio"), rows)
