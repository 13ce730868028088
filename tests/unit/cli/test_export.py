"""`concord export` against audit's own door on a socket: what is fetched, what not again, and what is said."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result

from cli.kept import FOLDER
from cli.main import main
from cli.session import PATIENCE, TOKEN
from concord.chassis.identity import Role
from services.audit.domain import manifest
from services.audit.domain.verification import verify
from tests.support.audit import RELABEL, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT

OTHERS = unit_ids(20, first=100)


@asynccontextmanager
async def served(audit: Audit) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    # The runtime is started already, and a door of a test says nothing to the log.
    config = uvicorn.Config(audit.service.application, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture
async def audit(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Audit]:
    monkeypatch.setattr(manifest, "PART_UNITS", 25)
    found = await sealed(RELABEL)
    await found.more(lot_id(2), OTHERS)
    await found.resolve([*UNITS, *OTHERS])
    await found.inspect({})
    monkeypatch.setenv(TOKEN, found.house.token("client", Role.CLIENT, client_id="k1"))
    yield found
    await found.stop()


async def concord(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, list(arguments))


def parts(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.glob(f"*.{suffix}"))


async def test_an_export_is_taken_up_where_it_broke_off_and_verifies(audit: Audit, tmp_path: Path) -> None:
    async with served(audit) as url:
        command = ("export", PROJECT, str(tmp_path), "--url", url, "--format", "csv")
        first = await concord(*command)
        assert (first.exit_code, "40 rows in 2 files (0 were there)" in first.output) == (0, True), first.output
        files = parts(tmp_path, "csv")
        content = [file.read_bytes() for file in files]
        files[1].write_bytes(content[1][:-5])
        again = await concord(*command)
        assert (again.exit_code, "(1 were there)" in again.output) == (0, True), again.output
        assert [file.read_bytes() for file in files] == content
    held = await concord("verify", str(tmp_path / "manifest.json"), *map(str, files))
    assert held.exit_code == 3, held.output
    files[0].write_bytes(content[0].replace(b"yes", b"yex", 1))
    broken = await concord("verify", str(tmp_path / "manifest.json"), *map(str, files))
    assert broken.exit_code == 1
    assert "part-00000-of-00002.csv was changed: bytes 0 to" in broken.output.replace("\n", "")


async def test_the_certificate_that_comes_along_is_of_the_same_issue(audit: Audit, tmp_path: Path) -> None:
    async with served(audit) as url:
        assert (await concord("export", PROJECT, str(tmp_path), "--url", url)).exit_code == 0
    export = b"".join(file.read_bytes() for file in parts(tmp_path, "jsonl"))
    key = audit.handlers.means.signer.public_key
    assert verify((tmp_path / "certificate.json").read_bytes(), [export], [key]).statement["issue"] == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [(("--format", "conll", "--data"), "CoNLL holds spans"), (("--issue", "7"), "there is no such one")],
)
async def test_what_cannot_be_exported_is_said_in_a_sentence(
    audit: Audit, tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    async with served(audit) as url:
        result = await concord("export", PROJECT, str(tmp_path), "--url", url, *more)
    assert (result.exit_code, told in result.output) == (5, True), result.output
    assert parts(tmp_path, "*") == []


async def test_without_a_credential_the_cure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    monkeypatch.setenv(FOLDER, str(tmp_path))
    result = await concord("export", PROJECT, str(tmp_path), "--url", "http://127.0.0.1:9")
    assert (result.exit_code, TOKEN in result.output) == (6, True)


async def test_a_service_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "any")
    monkeypatch.setenv(PATIENCE, "0")
    result = await concord("export", PROJECT, str(tmp_path), "--url", "http://127.0.0.1:9")
    assert (result.exit_code, "AWAY: audit GET" in result.output) == (7, True)
