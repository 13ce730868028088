"""Another platform's server: started, waited for, ended with all its descendants."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp

from bench.platforms.platform import NotUp, family

STOP_SECONDS_MAX = 15.0
POLL_SECONDS = 0.5


@contextmanager
def server(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in its folder, where its log is kept, while the block lasts."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=log, env=dict(environment), cwd=folder, start_new_session=True
        )
        try:
            yield process
        finally:
            for pid in (*family(process.pid), process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def up(name: str, process: subprocess.Popen[bytes], url: str, folder: Path, seconds: float) -> None:
    """Return when the server answers there.

    Raises:
        NotUp: it ended, or did not answer in so many seconds; with what its log says last.
    """
    deadline = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(POLL_SECONDS)
    raise NotUp(f"{name} is not up: {(folder / 'log').read_text(errors='replace')[-1_000:]}")
