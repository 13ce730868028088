"""`concord lineage`: who did what with a unit, when and under which guideline, and whether its ledger holds."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec
from rich.console import Console
from rich.table import Table

from cli.export import NotExported, fetched_whole, session_of, token
from cli.verify import BROKEN
from services.audit.domain.ledger import LedgerBroken, check_lines
from services.audit.domain.provenance import provenance

PLAIN_COLUMNS = 140


@click.command()
@click.argument("unit_id")
@click.option("--url", required=True, help="Where audit answers: https://audit.example.org")
@click.option("--prov", type=click.Path(dir_okay=False, path_type=Path), help="Write it as PROV-JSON there, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger's lines as they were written.")
def lineage(unit_id: str, url: str, prov: Path | None, as_json: bool) -> None:
    """Show the ledger of UNIT_ID and hold it against itself, the store and what was signed.

    The credential is read from CONCORD_TOKEN. Exit status 1: an entry was changed or is missing; it is named.
    """
    bearer = token()
    try:
        said = asyncio.run(_fetch(f"{url.rstrip('/')}/v1/units/{unit_id}/lineage", bearer))
    except (NotExported, aiohttp.ClientError, TimeoutError) as fault:
        click.echo(f"NO LINEAGE: {str(fault) or 'no answer in time'}.", err=True)
        raise SystemExit(BROKEN) from fault
    if as_json:
        click.echo("\n".join(said["lines"]))
    else:
        _show(said)
    if prov is not None:
        prov.write_text(json.dumps(provenance(said["unit_id"], said["lines"]), indent=2) + "\n")
    problem = said["problem"]
    try:
        # The service's word is one thing, and the lines another.
        check_lines(said["unit_id"], said["lines"])
    except LedgerBroken as broken:
        problem = str(broken)
    if problem:
        click.echo(f"BROKEN: {problem}", err=True)
        raise SystemExit(BROKEN)
    click.echo(f"HOLDS: {len(said['lines'])} entries")


async def _fetch(address: str, bearer: str) -> Any:
    async with session_of(bearer) as session:
        return msgspec.json.decode(await fetched_whole(session, address, {}))


def _show(said: Any) -> None:
    console = Console(width=PLAIN_COLUMNS)
    console.print(f"unit {said['unit_id']}, lot {said['lot_id'] or 'none yet'}", highlight=False, markup=False)
    table = Table("entry", "at", "what", "who", "how")
    for entry in said["entries"]:
        table.add_row(str(entry["entry"]), entry["at"], entry["what"], _who(entry), _how(entry))
    console.print(table)


def _who(entry: Any) -> str:
    people = [entry[name] for name in ("adjudicator", "auditor", "participant") if name in entry]
    people += [f"{one['annotator']} (guideline {one['guideline_version']})" for one in entry.get("annotations", ())]
    return ", ".join(people)


def _how(entry: Any) -> str:
    if entry["what"] == "resolved":
        return f"{entry['method']}, {entry['confidence']:.3f}, rework {entry['rework']}"
    if entry["what"] == "inspected":
        return ("right" if entry["correct"] else "wrong") + (", late" if entry["late"] else "")
    return str(entry.get("media_type", ""))
