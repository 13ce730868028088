"""The ports of a local stack, all movable together so that several stacks live on one machine."""

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from deploy.local.listeners import is_free

# Below the range from which Linux takes ports for outgoing connections, so that none is lost to one meanwhile.
_FREE_FROM, _FREE_TO = 20_000, 32_000
_SINGLES = range(10_000, 18_000)
_TAKEN = "concord-ports-{}"
SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
REPLICAS_MAX = 8
"""Processes of one service: as many as the local stack has places."""
_STRIDE = 10
# What holds the ports this process was given, each row by its first: Linux closes them when the process ends.
_taken: dict[int, socket.socket] = {}


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
        """Return a row of ports that nothing listens on and that no other caller is given while this process lives.

        That they are free now would not do: a stack takes seconds to listen on all of its ports, and another may be
        given some of them meanwhile.

        Raises:
            OSError: Every row is taken.
        """
        names = [field.name for field in fields(cls)]
        width = len(names) + REPLICAS_MAX * _STRIDE
        rows = range(_FREE_FROM, _FREE_TO - width, width)
        for first in random.SystemRandom().sample(rows, len(rows)):
            # `processes` is the last, and what follows from it comes after.
            ports = cls(**{name: first + number for number, name in enumerate(names)})
            if _take(first):
                if all(map(is_free, ports.all())):
                    return ports
                _taken.pop(first).close()
        raise OSError(f"none of {len(rows)} rows of {width} ports is free between {_FREE_FROM} and {_FREE_TO}")

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


def free_port() -> int:
    """Return one port that nothing listens on and that no other caller is given while this process lives.

    Raises:
        OSError: Every such port is taken.
    """
    for port in random.SystemRandom().sample(_SINGLES, len(_SINGLES)):
        if _take(port):
            if is_free(port):
                return port
            _taken.pop(port).close()
    raise OSError(f"no port is free between {_SINGLES.start} and {_SINGLES.stop}")


def _take(first: int) -> bool:
    """Return whether this process has the port, or the row that begins with it, to itself from now on.

    It holds a name among Linux' abstract sockets, which are one list for whoever shares ports, leave no file, and are
    gone with who holds them.
    """
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind("\0" + _TAKEN.format(first))
    except OSError:
        holder.close()
        return False
    _taken[first] = holder
    return True
