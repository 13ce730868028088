"""Where a project is asked for at each service that hears of it from ingest: until it has, it answers 404."""

import asyncio
from collections.abc import Callable, Mapping

from demo.client import Refused, Services
from tests.support.patience import PATIENCE_SECONDS

PAUSE_SECONDS = 0.1
SERVED: Mapping[str, Callable[[str], str]] = {
    "assign": lambda project_id: f"/v1/projects/{project_id}/stranded",
    "adjudicate": lambda project_id: f"/v1/projects/{project_id}/competence",
    "audit": lambda project_id: f"/v1/projects/{project_id}/lots?limit=1",
    "metrics": lambda project_id: f"/v1/projects/{project_id}/quality",
}
"""What only the owner of a project's place serves, to an operator too, by service."""


def where_known(addresses: Mapping[str, str], project_id: str) -> list[str]:
    """Return where a project is asked for at the services that run: each answers 200 once it has heard of it."""
    return [addresses[service] + path(project_id) for service, path in SERVED.items() if service in addresses]


async def until_known(services: Services, project_id: str, operator: str) -> None:
    """Return when every service has heard of a project, asked by an operator's token: until then it is not there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for service, path in SERVED.items():
            while not await _knows(services, service, path(project_id), operator):  # noqa: ASYNC110 - no event of ours
                await asyncio.sleep(PAUSE_SECONDS)


async def _knows(services: Services, service: str, path: str, token: str) -> bool:
    try:
        await services.json(service, "GET", path, token)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return False
    return True
