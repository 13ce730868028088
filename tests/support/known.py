"""Where a project is asked for at each service that hears of it from ingest: until it has, it answers 404."""

from collections.abc import Callable, Mapping

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
