"""Label Studio on SQLite, as its package comes: one server, asked as its documentation says.

Its import takes a list of tasks; an annotator asks for the next task and posts an annotation, two calls a label, for it
has none that does both.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.platforms.platform import Cost, Failed, NotUp, Patience, spent_by
from bench.platforms.server import server, up
from bench.services.load import CLASSES, LINES_PER_REQUEST, OVERLAP, TEXT
from deploy.local import places, side_environment
from deploy.local.ports import Ports

NAME = "Label Studio"
FOLDER = places.LOCAL / "bench-label-studio"
PEOPLE_SCRIPT = Path(__file__).with_name("label_studio_people.py")
START_SECONDS_MAX = 600.0
"""Its first start makes its database by some four hundred migrations."""
ASK_SECONDS_MAX = 300.0
ADMIN_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - of a server that lives for a minute
ENVIRONMENT = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
}
CONFIG = (
    '<View><Text name="text" value="$text"/><Choices name="said" toName="text">'
    + "".join(f'<Choice value="{class_name}"/>' for class_name in CLASSES)
    + "</Choices></View>"
)


async def measure(units: int, labels: int, annotators: int, say: Callable[[str], None]) -> list[Cost]:
    """Import units and have some labelled by annotators who come one by one, and return what each cost.

    Raises:
        NotUp: the server did not start, or answered with an error.
    """
    python = side_environment.ensure("platforms")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        say(f"{NAME}: starting, and making its database")
        with server(_argv(python, port := Ports.free().kafka), FOLDER, _environment()) as process:
            url = f"http://127.0.0.1:{port}"
            await up(NAME, process, f"{url}/health", FOLDER, START_SECONDS_MAX)
            tokens = _people(python, annotators)
            async with _door(url) as ask:
                project_id = await _project(ask)
                say(f"{NAME}: importing {units:,} units")
                imported = await spent_by(process.pid, "unit", units, _import(ask, project_id, units))
                say(f"{NAME}: {labels:,} labels by {annotators} annotators")
                patience = Patience()
                giving = _label(ask, tokens, project_id, labels, patience)
                given = await spent_by(process.pid, "label", labels, giving, patience)
                return [imported, given]
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT, "LABEL_STUDIO_BASE_DATA_DIR": str(FOLDER)}


def _argv(python: Path, port: int) -> list[str]:
    argv = [str(python.with_name("label-studio")), "start", "--no-browser", "--port", str(port)]
    argv += ["--internal-host", "127.0.0.1", "--username", "admin@example.com", "--password", "not-used-by-anybody"]
    return [*argv, "--user-token", ADMIN_TOKEN, "--enable-legacy-api-token"]


def _people(python: Path, count: int) -> list[str]:
    argv = [str(python), "-P", str(PEOPLE_SCRIPT), str(count)]  # -P: or this folder is searched for label_studio
    done = subprocess.run(argv, env=_environment(), cwd=FOLDER, capture_output=True, text=True, check=False)
    tokens = [line for line in done.stdout.splitlines() if len(line) == len(ADMIN_TOKEN) and line.isalnum()]
    if done.returncode or len(tokens) != count:
        raise NotUp(f"{NAME}: {count} people could not be made: {done.stderr[-1_000:]}")
    return tokens


@asynccontextmanager
async def _door(url: str) -> AsyncIterator[Callable[..., Any]]:
    limit = aiohttp.ClientTimeout(total=ASK_SECONDS_MAX)
    async with aiohttp.ClientSession(timeout=limit) as session:

        async def ask(method: str, path: str, token: str = ADMIN_TOKEN, body: Any = None) -> Any:
            headers = {"authorization": f"Token {token}", "content-type": "application/json"}
            data = None if body is None else msgspec.json.encode(body)
            async with session.request(method, url + path, data=data, headers=headers) as answer:
                content = await answer.read()
                if answer.status >= 400:
                    kind = Failed if answer.status >= 500 else NotUp
                    raise kind(f"{NAME}: {method} {path}: {answer.status} {content[:500].decode(errors='replace')}")
                return msgspec.json.decode(content) if content else None

        yield ask


async def _project(ask: Callable[..., Any]) -> int:
    wanted = {"title": "bench", "label_config": CONFIG, "maximum_annotations": OVERLAP}
    project: Mapping[str, Any] = await ask("POST", "/api/projects/", body=wanted)
    return int(project["id"])


async def _import(ask: Callable[..., Any], project_id: int, units: int) -> None:
    for start in range(0, units, LINES_PER_REQUEST):
        numbers = range(start, min(start + LINES_PER_REQUEST, units))
        tasks = [{"data": {"text": TEXT.format(number), "id": f"n{number}"}} for number in numbers]
        await ask("POST", f"/api/projects/{project_id}/import", body=tasks)


async def _label(ask: Callable[..., Any], tokens: list[str], project_id: int, labels: int, patience: Patience) -> None:
    orders = iter(range(labels))

    async def work(token: str) -> None:
        for number in orders:
            task = await patience.answer(partial(ask, "GET", f"/api/projects/{project_id}/next", token))
            choice = {"choices": [CLASSES[number % len(CLASSES)]]}
            result = [{"from_name": "said", "to_name": "text", "type": "choices", "value": choice}]
            body = {"result": result, "lead_time": 4.0}
            await patience.answer(partial(ask, "POST", f"/api/tasks/{task['id']}/annotations/", token, body))

    await asyncio.gather(*(work(token) for token in tokens))
