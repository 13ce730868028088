"""What a bootstrap is given: the three ports, who is believed, and where telemetry goes."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.identity import Identity
from concord.chassis.places.peers import MemoryPeers, Peers
from concord.chassis.runtime.parts import Part
from concord.chassis.store.port import Store
from concord.chassis.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Ports:
    """The world of one service, real or in memory.

    Attributes:
        writer: this process's name in the journal: unique to this life of it, without a slash.
        address: where the service's other processes reach this one; empty when nobody can.
        peers: reaches the service's other processes.
        random: so many bytes that nobody can foresee; foreseen only where a run is to repeat itself.
        watches: look at what may change while the process runs, as the identity file may; they run beside its parts.
    """

    store: Store
    broker: Broker
    clock: Clock
    identity: Identity
    telemetry: Telemetry
    writer: str
    address: str = ""
    peers: Peers = field(default_factory=MemoryPeers)
    random: Callable[[int], bytes] = os.urandom
    watches: Sequence[Part] = ()
