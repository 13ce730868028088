"""The ports of a local stack, all movable together so that several stacks live on one machine."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields

from deploy.local.listeners import is_free

# Below the range from which Linux takes ports for outgoing connections, so that none is lost to one meanwhile.
_FREE_FROM, _FREE_TO = 20_000, 32_000
_DRAWN_MAX = 500
SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
REPLICAS_MAX = 8
"""Processes of one service: as many as the local stack has places."""
_STRIDE = 10


@dataclass(frozen=True)
class Ports:
    """One port a listener, at 127.0.0.1. The defaults are those of the documentation.

    `processes` is the first of those at which the processes of a service listen that runs more than once; callers go to
    the service's own port all the same.
    """

    kafka: int = 19092
    kafka_controller: int = 19093
    mongodb: int = 37017
    ingest: int = 18001
    assign: int = 18002
    adjudicate: int = 18003
    audit: int = 18004
    metrics: int = 18005
    workbench: int = 18080
    prometheus: int = 19090
    alertmanager: int = 19094
    processes: int = 18011

    @classmethod
    def moved(cls, offset: int) -> "Ports":
        """Return the default ports, each moved by `offset`; ValueError when one leaves 1024 to 65535."""
        ports = cls(**{field.name: getattr(cls, field.name) + offset for field in fields(cls)})
        if any(not 1024 <= port <= 65535 for port in ports.all()):
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
        """Return ports that nothing listens on now, in a row that begins at random so that two callers rarely meet."""
        names = [field.name for field in fields(cls)]
        for _ in range(_DRAWN_MAX):
            first = random.SystemRandom().randrange(_FREE_FROM, _FREE_TO - len(names) - REPLICAS_MAX * _STRIDE)
            # `processes` is the last, and what follows from it comes after.
            ports = cls(**{name: first + number for number, name in enumerate(names)})
            if all(map(is_free, ports.all())):
                return ports
        raise OSError(f"no {len(cls().all())} free ports in a row found between {_FREE_FROM} and {_FREE_TO}")

    def process(self, service: str, number: int) -> int:
        """Return where a process of a service listens that runs more than once; they are counted from 1."""
        assert 1 <= number <= REPLICAS_MAX, f"a service has 1 to {REPLICAS_MAX} processes here"
        return self.processes + _STRIDE * (number - 1) + SERVICES.index(service)

    def all(self) -> list[int]:
        """Return every port that a stack of these may use."""
        several = [self.process(name, number) for number in range(1, REPLICAS_MAX + 1) for name in SERVICES]
        return sorted({*self.as_dict().values(), *several})

    def as_dict(self) -> dict[str, int]:
        """Return name -> port."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
