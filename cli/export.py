"""`concord export`: fetch a snapshot of accepted labels in any format, and go on where a transfer broke off."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec

from cli.verify import BROKEN, facts_of
from concord.exports import FORMATS
from concord.exports.snapshot import BLOCK_BYTES
from services.audit.domain.signing import CertificateBroken
from services.audit.domain.verification import verify_manifest

TOKEN = "CONCORD_TOKEN"  # noqa: S105 - the name of a variable, not what is in it
SILENCE_SECONDS_MAX = 60
WAIT_SECONDS_MAX = 3_600
"""How long a manifest may be made for; a million labels take about a minute."""
TRIES_MAX = 5
PAUSE_SECONDS = 2.0
OK, AWAY = 200, (429, 502, 503, 504)


class NotExported(Exception):
    """The export could not be fetched; the reason is a sentence."""


@click.command()
@click.argument("project_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--url", required=True, help="Where audit answers: https://audit.example.org")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), default="jsonl", show_default=True)
@click.option("--rows", type=click.Choice(["units", "annotations"]), default="units", show_default=True)
@click.option("--data", is_flag=True, help="With what was labelled.")
@click.option("--duplicates", is_flag=True, help="With the units that another of the same content stands for.")
@click.option("--issue", type=int, help="Number of the certificate; without it, over all that is accepted by now.")
def export(
    project_id: str, folder: Path, url: str, name: str, rows: str, data: bool, duplicates: bool, issue: int | None
) -> None:
    """Export the accepted labels of PROJECT_ID into FOLDER, with manifest and certificate.

    The credential is read from CONCORD_TOKEN. Said again, what is there already and right is not fetched again: so a
    transfer that broke off is taken up.
    """
    bearer = token()
    asked = {"format": name, "rows": rows, "data": _flag(data), "duplicates": _flag(duplicates)}
    if issue is not None:
        asked["issue"] = str(issue)
    try:
        asyncio.run(_fetch(f"{url.rstrip('/')}/v1/projects/{project_id}", bearer, folder, asked))
    except (NotExported, CertificateBroken, aiohttp.ClientError, TimeoutError) as fault:
        click.echo(f"NOT EXPORTED: {str(fault) or 'no answer in time'}. What is there is kept; say it again.", err=True)
        raise SystemExit(BROKEN) from fault


def _flag(said: bool) -> str:
    return "true" if said else "false"


def token() -> str:
    """Return the credential that commands ask audit with; one that is not set ends the command with the cure."""
    found = os.environ.get(TOKEN, "")
    if not found:
        raise click.UsageError(f"{TOKEN} is not set; set it to an API key or a token of a client or operator")
    return found


def session_of(bearer: str) -> aiohttp.ClientSession:
    """Return a session that bears the credential."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_SECONDS_MAX)
    return aiohttp.ClientSession(headers={"authorization": f"Bearer {bearer}"}, timeout=timeout)


async def _fetch(address: str, bearer: str, folder: Path, asked: dict[str, str]) -> None:
    async with session_of(bearer) as session:
        document = await fetched_whole(session, f"{address}/export/manifest", asked)
        verify_manifest(document, [])
        said: dict[str, Any] = msgspec.json.decode(document)
        asked |= {"issue": str(said["issue"])}
        certificate = await fetched_whole(session, f"{address}/certificate", {"issue": asked["issue"]})
        _write(folder / "manifest.json", document)
        _write(folder / "certificate.json", certificate)
        for one in said["companions"]:
            _write(_inside(folder, one["name"]), one["text"].encode())
        fetched = 0
        for part, file in enumerate(said["files"]):
            fetched += await _file(session, f"{address}/export", asked | {"part": str(part)}, folder, file)
    kept = len(said["files"]) - fetched
    click.echo(f"{said['rows']} rows in {len(said['files'])} files ({kept} were there): {folder}")
    for reason, count in said["left_out"].items():
        click.echo(f"{count} left out: {reason}")


async def _file(
    session: aiohttp.ClientSession, address: str, asked: Mapping[str, str], folder: Path, file: Mapping[str, Any]
) -> bool:
    """Fetch a file if it is not there as it should be; return whether it was fetched."""
    path = _inside(folder, file["name"])
    if path.exists() and (await asyncio.to_thread(facts_of, path)).sha256 == file["sha256"]:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    for last in (*[False] * (TRIES_MAX - 1), True):
        try:
            await _streamed(session, address, asked, partial)
            break
        except (aiohttp.ClientError, TimeoutError):
            if last:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
    if (await asyncio.to_thread(facts_of, partial)).sha256 != file["sha256"]:
        raise NotExported(f"{file['name']} is not what the manifest says: a unit was erased meanwhile")
    partial.replace(path)
    return True


async def _streamed(session: aiohttp.ClientSession, address: str, asked: Mapping[str, str], path: Path) -> None:
    async with session.get(address, params=asked) as answer:
        if answer.status != OK:
            raise NotExported(await _reason(answer))
        with path.open("wb") as file:
            async for block in answer.content.iter_chunked(BLOCK_BYTES):
                file.write(block)


async def fetched_whole(session: aiohttp.ClientSession, address: str, asked: Mapping[str, str]) -> bytes:
    """Return a document; while it is being made, wait as long as is said and ask again."""
    waited = 0.0
    while True:
        async with session.get(address, params=asked) as answer:
            if answer.status == OK:
                return await answer.read()
            reason = await _reason(answer)
            if answer.status not in AWAY or waited > WAIT_SECONDS_MAX:
                raise NotExported(reason)
            pause = float(answer.headers.get("retry-after", PAUSE_SECONDS))
        click.echo(reason, err=True)
        await asyncio.sleep(pause)
        waited += pause


async def _reason(answer: aiohttp.ClientResponse) -> str:
    try:
        said = msgspec.json.decode(await answer.read())
        cures = "".join(f"; {one['field']}: {one['cure']}" for one in said.get("errors", ()))
        return f"{said['detail'].rstrip('.')}{cures}"
    except (msgspec.MsgspecError, KeyError, AttributeError):
        return f"the service answered {answer.status}"


def _inside(folder: Path, name: str) -> Path:
    """Return where a file goes; a name that leads out of the folder is refused."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise NotExported(f"{name!r} leads out of {folder}")
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
