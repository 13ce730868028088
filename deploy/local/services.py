"""The five services and the settings that they get on a local stack."""

from deploy.local.issuer import Issuer
from deploy.local.ports import Ports

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")


def service_environment(
    service: str, ports: Ports, kafka: str, mongodb: str, issuer: Issuer, place_count: int
) -> dict[str, str]:
    """Return the environment variables of one service; `concord.chassis.settings` says what each means."""
    numbers = ports.as_dict()
    return {
        "CONCORD_ENVIRONMENT": "local",
        "CONCORD_KAFKA_BOOTSTRAP": kafka,
        "CONCORD_MONGODB_URI": mongodb,
        "CONCORD_HTTP_PORT": str(numbers[service]),
        "CONCORD_PLACES": str(place_count),
        "CONCORD_INGEST_URL": f"http://127.0.0.1:{numbers['ingest']}",
        "CONCORD_IDENTITY_FILE": str(issuer.identity_file),
        "CONCORD_API_KEY_PEPPER": issuer.pepper,
    }
