"""`concord replay` and `concord lineage`: exit status and sentence, in a process of their own."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.session import TOKEN
from concord.chassis.identity import Role
from tests.support.audit import LOT, RELABEL, UNITS, Audit, sealed
from tests.unit.cli.test_export import served


def concord(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command from nothing: a fresh process knows what is in the files and no more."""
    argv = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(concord, *arguments)


async def files(audit: Audit, folder: Path) -> tuple[str, str]:
    certificate, ledger = folder / "certificate.json", folder / "ledger.jsonl"
    certificate.write_bytes((await audit.client(f"/v1/lots/{LOT}/certificate")).body)
    ledger.write_bytes((await audit.client(f"/v1/lots/{LOT}/ledger")).body)
    return str(certificate), str(ledger)


async def test_a_fresh_process_makes_the_certificate_again_and_names_what_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = await sealed(RELABEL)
    await audit.resolve()
    await audit.inspect({})
    certificate, ledger = await files(audit, tmp_path)
    key = audit.handlers.means.signer.public_key
    again = await run("replay", certificate, ledger, "--public-key", key)
    assert (again.returncode, "the same to the byte" in again.stdout) == (0, True), again.stderr
    assert (await run("replay", certificate, ledger)).returncode == 3
    honest = (tmp_path / "ledger.jsonl").read_bytes()
    (tmp_path / "ledger.jsonl").write_bytes(honest.replace(b"posterior", b"posterios", 1))
    broken = await run("replay", certificate, ledger)
    assert (broken.returncode, f"of unit {UNITS[0]} was changed" in broken.stderr) == (1, True), broken.stderr
    monkeypatch.setenv(TOKEN, audit.house.token("client", Role.CLIENT, client_id="k1"))
    async with served(audit) as url:
        prov = tmp_path / "prov.json"
        process = await run("lineage", UNITS[0], "--url", url, "--prov", str(prov))
        nobody = await run("lineage", "k1-none", "--url", url)
    assert (process.returncode, "HOLDS" in process.stdout) == (0, True), process.stderr
    assert json.loads(prov.read_text())["prefix"]
    assert (nobody.returncode, "There is no unit" in nobody.stderr) == (5, True)
    await audit.erase(UNITS[2])
    certificate, ledger = await files(audit, tmp_path)
    erased = await run("replay", certificate, ledger)
    assert (erased.returncode, "1 units were erased" in erased.stdout) == (4, True), erased.stderr
    await audit.stop()
