"""Potato on its files, as its package comes: one server, asked as its own page asks.

It reads its units from files as it starts, so a unit imported is what a start with them costs more than one with a
single unit. An annotator signs in by name, is shown a unit, saves its label and asks for the next, two calls a label.
"""

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.platforms.platform import Cost, Failed, NotUp, Patience, cpu_of, spent_by
from bench.platforms.server import server, up
from bench.services.load import CLASSES, OVERLAP, TEXT
from deploy.local import places, side_environment
from deploy.local.ports import Ports

NAME = "Potato"
FOLDER = places.LOCAL / "bench-potato"
START_SECONDS_MAX = 300.0
ASK_SECONDS_MAX = 300.0
SHOWN = re.compile(rb'name="instance_id"[^>]*value="([^"]+)"')
CONFIG = f"""
annotation_task_name: bench
task_dir: .
output_annotation_dir: output
output_annotation_format: jsonl
data_files: [units.jsonl]
item_properties: {{id_key: id, text_key: text}}
require_password: false
authentication: {{method: in_memory}}
user_config: {{allow_all_users: true, users: []}}
max_annotations_per_user: 1000000
max_annotations_per_item: {OVERLAP}
assignment_strategy: random
alert_time_each_instance: 10000000
site_dir: default
annotation_schemes:
  - {{annotation_type: radio, name: said, description: What is said, labels: [{", ".join(CLASSES)}]}}
"""


async def measure(units: int, labels: int, annotators: int, say: Callable[[str], None]) -> list[Cost]:
    """Start with one unit and with all, have some labelled by annotators, and return what each cost.

    Raises:
        NotUp: the server did not start, or answered with an error.
    """
    python = side_environment.ensure("platforms")
    try:
        say(f"{NAME}: starting with one unit, and with {units:,}")
        with _with_units(python, 1) as (process, url):
            await up(NAME, process, f"{url}/health", FOLDER, START_SECONDS_MAX)
            empty = cpu_of(process.pid)
        began = time.monotonic()
        with _with_units(python, units) as (process, url):
            await up(NAME, process, f"{url}/health", FOLDER, START_SECONDS_MAX)
            seconds = time.monotonic() - began
            imported = Cost("unit", units, (cpu_of(process.pid) - empty) * 1e3 / units, units / seconds)
            say(f"{NAME}: {labels:,} labels by {annotators} annotators")
            patience = Patience()
            given = await spent_by(process.pid, "label", labels, _label(url, annotators, labels, patience), patience)
            return [imported, given]
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


@contextmanager
def _with_units(python: Path, units: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "config.yaml").write_text(CONFIG)
    with (FOLDER / "units.jsonl").open("wb") as file:
        for number in range(units):
            file.write(msgspec.json.encode({"id": f"n{number}", "text": TEXT.format(number)}) + b"\n")
    port = Ports.free().kafka
    argv = [str(python.with_name("potato")), "start", "config.yaml", "-p", str(port)]
    with server(argv, FOLDER, os.environ) as process:
        yield process, f"http://127.0.0.1:{port}"


async def _label(url: str, annotators: int, labels: int, patience: Patience) -> None:
    orders = iter(range(labels))

    async def work(name: str) -> None:
        # A session of its own: who one is stands in a cookie.
        limit = aiohttp.ClientTimeout(total=ASK_SECONDS_MAX)
        async with aiohttp.ClientSession(timeout=limit, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            page = await patience.answer(partial(_asked, session, f"{url}/auth", data={"email": name, "pass": ""}))
            for number in orders:
                unit_id, text = _shown(page), CLASSES[number % len(CLASSES)]
                body = {"instance_id": unit_id, "annotations": {f"said:{text}": text}, "span_annotations": []}
                await patience.answer(partial(_asked, session, f"{url}/updateinstance", json=body))
                turn = {"action": "next_instance", "instance_id": unit_id}
                page = await patience.answer(partial(_asked, session, f"{url}/annotate", json=turn))

    await asyncio.gather(*(work(f"annotator-{number:02}") for number in range(annotators)))


async def _asked(session: aiohttp.ClientSession, url: str, **body: Any) -> bytes:
    async with session.post(url, **body) as answer:
        content = await answer.read()
        if answer.status >= 400:
            kind = Failed if answer.status >= 500 else NotUp
            raise kind(f"{NAME}: {url}: {answer.status} {content[:500].decode(errors='replace')}")
        return content


def _shown(page: bytes) -> str:
    found = SHOWN.search(page)
    if found is None:
        raise NotUp(f"{NAME}: no unit is shown: {page[-500:].decode(errors='replace')}")
    return found.group(1).decode()
