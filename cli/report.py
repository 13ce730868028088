"""`concord report`: fetch a project's report, one HTML file with its plots that needs no network to be looked at."""

import asyncio
from pathlib import Path

import aiohttp
import click

from cli.export import NotExported, fetched_whole, session_of, token
from cli.verify import BROKEN


@click.command()
@click.argument("project_id")
@click.option("--url", required=True, help="Where metrics answers: https://metrics.example.org")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Where it goes.",
)
def report(project_id: str, url: str, to: Path) -> None:
    """Write the report of PROJECT_ID: agreement, accuracy, drift, cost as of now.

    The credential is read from CONCORD_TOKEN.
    """
    bearer = token()
    try:
        page = asyncio.run(_fetch(f"{url.rstrip('/')}/v1/projects/{project_id}/report.html", bearer))
    except (NotExported, aiohttp.ClientError, TimeoutError) as fault:
        click.echo(f"NO REPORT: {str(fault) or 'no answer in time'}.", err=True)
        raise SystemExit(BROKEN) from fault
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(page)
    click.echo(f"{len(page):,} bytes: {to}")


async def _fetch(address: str, bearer: str) -> bytes:
    async with session_of(bearer) as session:
        return await fetched_whole(session, address, {})
