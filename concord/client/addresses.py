"""Where the services are: told by the caller, by the environment, or by a local stack that runs in this checkout."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

LOCAL_FILE = Path(".local/stack/addresses.json")
"""Where `make up` writes them."""


class NoAddress(ValueError):
    """It is not known where a service is; the message is the cure."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs of the five services, and of the broker for those who publish there; empty where not known."""

    ingest: str = ""
    assign: str = ""
    adjudicate: str = ""
    audit: str = ""
    metrics: str = ""
    kafka: str = ""

    def of(self, service: str) -> str:
        """Return a service's base URL.

        Raises:
            NoAddress: it is not known.
        """
        url: str = getattr(self, service)
        if not url:
            name = variable(service)
            raise NoAddress(
                f"It is not known where {service} is; set {name}, or run in the folder of a stack that is up"
            )
        return url.rstrip("/")

    def over(self, others: "Addresses") -> "Addresses":
        """Return these, and the others' where one of these is not known."""
        return Addresses(**{name: mine or getattr(others, name) for name, mine in asdict(self).items()})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Addresses":
        """Return what CONCORD_INGEST_URL, CONCORD_ASSIGN_URL and so on say; the broker is CONCORD_KAFKA_BOOTSTRAP."""
        return cls(**{field.name: environment.get(variable(field.name), "") for field in fields(cls)})

    @classmethod
    def of_local_stack(cls, folder: Path) -> "Addresses":
        """Return those of the stack that is up in this checkout; none anywhere else."""
        for path in (folder, *folder.parents):
            if (path / LOCAL_FILE).is_file():
                return cls.from_file(path / LOCAL_FILE)
        return cls()

    @classmethod
    def from_file(cls, path: Path) -> "Addresses":
        """Return those that a JSON file holds; what it holds beside them is not looked at.

        Raises:
            NoAddress: it is no such file.
        """
        try:
            content = json.loads(path.read_text())
            return cls(**{field.name: str(content.get(field.name, "")) for field in fields(cls)})
        except (OSError, ValueError, AttributeError) as fault:
            raise NoAddress(f"{path} holds no addresses ({fault}); remove it, or write a JSON object") from fault


def variable(service: str) -> str:
    """Return the environment variable that tells where a service is.

    >>> variable("ingest")
    'CONCORD_INGEST_URL'
    """
    return "CONCORD_KAFKA_BOOTSTRAP" if service == "kafka" else f"CONCORD_{service.upper()}_URL"
