"""Another platform's server: waited for, ended with its descendants, and its last words told when it is not up."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bench.platforms.platform import NotUp, family
from bench.platforms.potato import _shown
from bench.platforms.server import server, up
from deploy.local.ports import free_port
from tests.support.service import until

SERVES = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'http.server', '-b', '127.0.0.1', sys.argv[1]])"


def test_a_server_is_waited_for_and_ended_with_its_descendants(tmp_path: Path) -> None:
    port = free_port()

    async def run() -> list[int]:
        with server([sys.executable, "-c", SERVES, str(port)], tmp_path, os.environ) as process:
            await up("Any", process, f"http://127.0.0.1:{port}/", tmp_path, 60.0)
            return [process.pid, *family(process.pid)]

    async def gone(pids: list[int]) -> None:
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))

    pids = asyncio.run(run())
    assert len(pids) == 2
    asyncio.run(gone(pids))


def test_one_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    async def run() -> None:
        with server([sys.executable, "-c", "raise SystemExit('no licence')"], tmp_path, os.environ) as process:
            await up("Any", process, "http://127.0.0.1:9/", tmp_path, 60.0)

    with pytest.raises(NotUp, match=r"Any is not up: no licence"):
        asyncio.run(run())


def test_the_unit_on_a_page_of_potato_is_found_and_a_page_without_one_told() -> None:
    assert _shown(b'<input id="instance_id" name="instance_id" type="hidden" value="n989"/>') == "n989"
    with pytest.raises(NotUp, match=r"no unit is shown: .*all done"):
        _shown(b"<p>all done</p>")
