"""The five services, how many processes of each run, the workbench, and the settings that all get on a local stack."""

from dataclasses import dataclass

from deploy.local.issuer import CLIENT_ID, Issuer
from deploy.local.ports import SERVICES, Ports

__all__ = ["SERVICES", "WORKBENCH", "Part", "parts", "service_environment", "workbench_environment"]

WORKBENCH = "workbench"
MEDIA_LOCAL = "https://*"


@dataclass(frozen=True)
class Part:
    """One process of a service.

    Attributes:
        name: the service's, and with a number where there are several.
        service: which service it is.
        port: where it listens.
    """

    name: str
    service: str
    port: int

    @property
    def address(self) -> str:
        """Where the service's other processes reach this one."""
        return f"http://127.0.0.1:{self.port}"


def parts(service: str, ports: Ports, replicas: int) -> list[Part]:
    """Return the processes of a service: one at the service's own port, or several behind it at ports of their own."""
    if replicas == 1:
        return [Part(service, service, ports.as_dict()[service])]
    return [Part(f"{service}-{number}", service, ports.process(service, number)) for number in range(1, replicas + 1)]


def service_environment(
    part: Part, ports: Ports, kafka: str, mongodb: str, issuer: Issuer, place_count: int
) -> dict[str, str]:
    """Return the environment variables of one process; `concord.chassis.settings` says what each means."""
    return {
        "CONCORD_ENVIRONMENT": "local",
        "CONCORD_KAFKA_BOOTSTRAP": kafka,
        "CONCORD_MONGODB_URI": mongodb,
        "CONCORD_HTTP_PORT": str(part.port),
        "CONCORD_ADVERTISED_URL": part.address,
        "CONCORD_PLACES": str(place_count),
        "CONCORD_OWNERS_NAMED": "true",
        "CONCORD_INGEST_URL": f"http://127.0.0.1:{ports.ingest}",
        "CONCORD_IDENTITY_FILE": str(issuer.identity_file),
        "CONCORD_API_KEY_PEPPER": issuer.pepper,
        "CONCORD_WEBHOOKS_INSIDE": "true",
    }


def workbench_environment(ports: Ports, issuer: Issuer) -> dict[str, str]:
    """Return the environment variables of the workbench: with the issuer's own key its buttons can sign anybody in."""
    numbers = ports.as_dict()
    return {
        "CONCORD_ENVIRONMENT": "local",
        "CONCORD_HTTP_PORT": str(numbers[WORKBENCH]),
        "CONCORD_IDENTITY_FILE": str(issuer.identity_file),
        "CONCORD_WORKBENCH_ISSUER_KEY": str(issuer.key_file),
        "CONCORD_WORKBENCH_LOCAL_CLIENT": CLIENT_ID,
        # Units name their pictures by address; whoever tries the local stack may show any that is on the web.
        "CONCORD_WORKBENCH_MEDIA_ORIGINS": MEDIA_LOCAL,
        "CONCORD_WORKBENCH_OWNERS_WITHIN": "127.0.0.1/32",
        **{f"CONCORD_WORKBENCH_{name.upper()}": f"http://127.0.0.1:{numbers[name]}" for name in SERVICES},
    }
