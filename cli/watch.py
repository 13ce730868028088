"""`concord watch`: a project's quality and lots, as they come."""

import time
from collections import Counter
from collections.abc import Sequence

import click
import msgspec
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.annotators import beside, interval
from cli.session import Session, console, speaks, table_of
from concord.client import Concord
from concord.client.models import Lot, Quality


@click.command("watch")
@click.argument("project_id")
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(min=0.5), help="Seconds between looks.")
@click.option("--once", is_flag=True, help="Look once.")
@speaks
def verb(session: Session, project_id: str, every: float, once: bool) -> None:
    """Show the quality and the lots of PROJECT_ID until Ctrl-C; with --json a line a look."""
    with session.client() as concord:
        if session.as_json:
            _lines(concord, project_id, every, once=once)
        elif once:
            console().print(shown(*_look(concord, project_id)))
        else:
            with Live(shown(*_look(concord, project_id)), console=console(), auto_refresh=False) as live:
                while True:
                    time.sleep(every)
                    live.update(shown(*_look(concord, project_id)), refresh=True)


def _lines(concord: Concord, project_id: str, every: float, *, once: bool) -> None:
    while True:
        quality, lots = _look(concord, project_id)
        click.echo(msgspec.json.encode({"quality": quality, "lots": lots}).decode())
        if once:
            return
        time.sleep(every)


def _look(concord: Concord, project_id: str) -> tuple[Quality, list[Lot]]:
    return concord.quality(project_id), concord.lots(project_id)


def shown(quality: Quality, lots: Sequence[Lot]) -> Group:
    """Return a look as it is shown."""
    standing = Counter(lot.status for lot in lots)
    table = table_of("measure", "now", title=f"{quality.project_id}, {quality.computed_at}")
    gold = f"{quality.gold_correct} of {quality.gold_annotations}"
    saved = "" if quality.labels_saved_share is None else f" ({quality.labels_saved_share:.1%})"
    for name, value in (
        ("labels", f"{quality.annotations}, {quality.labels_saved} saved{saved}"),
        ("right on gold", gold),
        ("units resolved", f"{quality.units_consensus} by consensus, {quality.units_adjudicated} by ruling"),
        ("units that wait for a ruling", str(quality.units_escalated)),
        ("units ruled unanswerable", str(quality.units_unanswerable)),
        ("alpha", interval(quality.alpha)),
        ("Fleiss' kappa", interval(quality.fleiss_kappa)),
        ("Gwet's AC1", interval(quality.gwet_ac1)),
        ("equal pairs", interval(quality.percent_agreement)),
        ("label error rate of what leaves", interval(quality.label_error_rate)),
        ("audits passed", interval(quality.audit_pass_rate)),
        ("lots", ", ".join(f"{count} {status}" for status, count in sorted(standing.items())) or "none yet"),
    ):
        table.add_row(name, value)
    targets = table_of("target", "limit", "stands", "found")
    for target in quality.targets:
        is_now, limit = beside(target.found, target.limit)
        targets.add_row(target.target, limit, target.standing, is_now)
    skew = [Text(quality.prevalence_note)] if quality.prevalence_note else []
    still = [Text(f"lot {lot.lot_id}: {lot.problem}") for lot in lots if lot.problem]
    return Group(table, *skew, targets, *still)
