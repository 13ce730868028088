"""The five services and the settings that they get on a local stack."""

from pathlib import Path

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")


def service_environment(
    service: str, folder: Path, kafka_bootstrap: str, mongodb_uri: str, http_port: int
) -> dict[str, str]:
    """Return the environment variables of one service of the stack in `folder`."""
    return {
        "CONCORD_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "CONCORD_MONGODB_URI": mongodb_uri,
        "CONCORD_HTTP_PORT": str(http_port),
    }
