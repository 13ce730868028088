"""The ports of a local stack, all movable together so that several stacks live on one machine."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields

from deploy.local.listeners import is_free

# Below the range from which Linux takes ports for outgoing connections, so that none is lost to one meanwhile.
_FREE_FROM, _FREE_TO = 20_000, 32_000


@dataclass(frozen=True)
class Ports:
    """One port a listener, at 127.0.0.1. The defaults are those of the documentation."""

    kafka: int = 19092
    kafka_controller: int = 19093
    mongodb: int = 37017
    ingest: int = 18001
    assign: int = 18002
    adjudicate: int = 18003
    audit: int = 18004
    metrics: int = 18005
    prometheus: int = 19090
    alertmanager: int = 19094

    @classmethod
    def moved(cls, offset: int) -> "Ports":
        """Return the default ports, each moved by `offset`; ValueError when one leaves 1024 to 65535."""
        ports = cls(**{field.name: getattr(cls, field.name) + offset for field in fields(cls)})
        if any(not 1024 <= port <= 65535 for port in ports.as_dict().values()):
            raise ValueError(f"port offset {offset} moves a port out of 1024 to 65535; use -17000 to 28000")
        return ports

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Ports":
        """Return the default ports moved by CONCORD_PORT_OFFSET, 0 when it is not set."""
        text = environment.get("CONCORD_PORT_OFFSET", "0")
        try:
            offset = int(text)
        except ValueError:
            raise ValueError(f"CONCORD_PORT_OFFSET is {text!r}; give a whole number such as 100") from None
        return cls.moved(offset)

    @classmethod
    def free(cls) -> "Ports":
        """Return ports that nothing listens on now, drawn at random so that two callers rarely meet."""
        names = [field.name for field in fields(cls)]
        drawn = random.SystemRandom().sample(range(_FREE_FROM, _FREE_TO), 20 * len(names))
        free = [port for port in drawn if is_free(port)]
        if len(free) < len(names):
            raise OSError(f"fewer than {len(names)} free ports found between {_FREE_FROM} and {_FREE_TO}")
        return cls(**dict(zip(names, free, strict=False)))

    def as_dict(self) -> dict[str, int]:
        """Return name -> port."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
