"""`concord lineage`: who did what with a unit, when and under which guideline, and whether its ledger holds."""

import json
import sys
from collections import Counter
from pathlib import Path

import click

from cli import statuses
from cli.session import Session, console, speaks, table_of
from concord.client.ledger import Lineage
from concord.client.models import Json
from services.audit.domain.ledger import LedgerBroken, check_lines
from services.audit.domain.provenance import provenance


@click.command("lineage")
@click.argument("unit_id")
@click.option("--url", help="Where audit answers, if not where it is known to.")
@click.option("--prov", type=click.Path(dir_okay=False, path_type=Path), help="Write it as PROV-JSON there, too.")
@speaks
def verb(session: Session, unit_id: str, url: str | None, prov: Path | None) -> None:
    """Show the ledger of UNIT_ID and hold it against itself, the store and what was signed.

    With --json its lines are printed as they were written. Exit status 1: an entry was changed or is missing; it is
    named.
    """
    with session.client(audit=url) as concord:
        lineage = concord.lineage(unit_id)
    if session.as_json:
        click.echo("\n".join(lineage.lines))
    else:
        _show(lineage)
    if prov is not None:
        prov.write_text(json.dumps(provenance(lineage.unit_id, lineage.lines), indent=2) + "\n")
    problem = lineage.problem
    try:
        # The service's word is one thing, and the lines another.
        check_lines(lineage.unit_id, lineage.lines)
    except LedgerBroken as broken:
        problem = str(broken)
    if problem:
        click.echo(f"BROKEN: {problem}", err=True)
        sys.exit(statuses.BROKEN)
    click.echo(f"HOLDS: {len(lineage.lines)} entries", err=session.as_json)


def _show(lineage: Lineage) -> None:
    traced = f", trace {lineage.trace_id}" if lineage.trace_id else ""
    console().print(f"unit {lineage.unit_id}, lot {lineage.lot_id or 'none yet'}{traced}")
    table = table_of("entry", "at", "what", "who", "how")
    for entry in lineage.entries:
        table.add_row(str(entry["entry"]), entry["at"], entry["what"], _who(entry), _how(entry))
    console().print(table)


def _who(entry: Json) -> str:
    people = [entry[name] for name in ("adjudicator", "auditor", "participant", "by") if name in entry]
    people += [f"{referral['adjudicator']} (referred it back)" for referral in entry.get("referrals", ())]
    people += [
        f"{annotation['annotator']} (guideline {annotation['guideline_version']}{_revised(annotation)}{aside})"
        for name, aside in (("annotations", ""), ("set_aside", ", set aside"))
        for annotation in entry.get(name, ())
    ]
    return ", ".join(people)


def _revised(annotation: Json) -> str:
    return f", revision {annotation['revision']}" if annotation.get("revision") else ""


def _drawn(entry: Json) -> str:
    """Return what became of the objects that annotators drew, where an adjudicator ruled them."""
    if "regions" not in entry:
        return ""
    counts = Counter(row[0] for of_field in entry["regions"].values() for row in of_field)
    if entry["regions_dropped"]:
        counts["dropped"] = entry["regions_dropped"]
    return "; regions: " + ", ".join(f"{count} {what}" for what, count in counts.items())


def _how(entry: Json) -> str:
    if entry["what"] == "resolved":
        back = "".join(f"; referred back to {referral['to']}" for referral in entry.get("referrals", ()))
        return f"{entry['method']}, {entry['confidence']:.3f}, rework {entry['rework']}{_drawn(entry)}{back}"
    if entry["what"] == "inspected":
        return ("right" if entry["correct"] else "wrong") + (", late" if entry["late"] else "")
    if entry["what"] == "reidentified":
        kinds = ", ".join(
            f"{kind} {item['told']}/{item['asked'] or item['told']}" for kind, item in entry["kinds"].items()
        )
        return f"{entry['how']} {kinds}: {entry['reason']}"
    return str(entry.get("media_type", ""))
