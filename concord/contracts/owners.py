"""The process that owns a project's place, as a service names it to those who call, and what these remember of it.

A request that comes to the wrong process is handed on, at about the price of the request itself. Where a service is set
to name the owner in its answer, whoever calls may send the next request of that project there. Nobody sends a
credential to an address because an answer names it: only to literal addresses within networks that the caller itself
was told to trust, and none is trusted unless it was.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import parse_qsl, unquote

from concord.contracts.ids import slot_of, slot_of_project

OWNER = "concord-owner"
"""The header by which an answer names the process that owns what the request was about."""
KNOWN_SECONDS = 60.0
"""After which the service is asked by its own address again: an address may be another process's by then."""
FIELDS_MAX = 20
PORT_MAX = 65_535

_PLACED = re.compile(r"/v1/(projects|units|lots|assignments|escalations)/([^/]+)")
_ADDRESS = re.compile(r"http://(?:([0-9.]{7,15})|\[([0-9a-fA-F:.]{2,45})\]):([0-9]{1,5})")

Network = IPv4Network | IPv6Network


def slot_of_target(path: str, query: str = "") -> int | None:
    """Return the slot that a request means, read off its path or its query's project; None: none that can be told.

    A caller that takes the wrong one for it is served all the same, and pays for a request that is handed on.

    >>> slot_of_target("/v1/projects/k7q2-rte/claims") == slot_of_target("/v1/units/k7q2-ug675pg/payload")
    True
    >>> slot_of_target("/v1/submissions") is None
    True
    """
    if (found := _PLACED.match(path)) is not None:
        kind, named = found[1], unquote(found[2])
        return slot_of_project(named) if kind == "projects" else slot_of(named)
    if "project_id=" not in query:
        return None
    try:
        return next(
            (
                slot_of_project(text)
                for name, text in parse_qsl(query, max_num_fields=FIELDS_MAX)
                if name == "project_id"
            ),
            None,
        )
    except ValueError:  # the service itself says what is wrong with it
        return None


class Owners:
    """Which process of each service owns what, as its answers have said: one address a slot at most.

    Args:
        within: the networks whose addresses are believed; none: nothing is learnt.
        monotonic: tells seconds that pass.
    """

    def __init__(self, within: Iterable[Network], monotonic: Callable[[], float]) -> None:
        self._within = tuple(within)
        self._monotonic = monotonic
        self._known: dict[tuple[str, int], tuple[str, float]] = {}

    def address(self, service: str, slot: int | None) -> str | None:
        """Return where a request about a slot is sent; None: to the service's own address."""
        if slot is None or (known := self._known.get((service, slot))) is None:
            return None
        address, until = known
        if self._monotonic() < until:
            return address
        self._known.pop((service, slot), None)
        return None

    def learn(self, service: str, slot: int | None, named: str | None) -> None:
        """Hear whom an answer named; what is no address within the networks is passed over."""
        if slot is not None and named is not None and self.believed(named):
            self._known[service, slot] = named, self._monotonic() + KNOWN_SECONDS

    def forget(self, service: str, slot: int | None) -> None:
        """Hear that nobody serves a slot where it was: the process is gone, or gives the slot up."""
        if slot is not None:
            self._known.pop((service, slot), None)

    def believed(self, named: str) -> bool:
        """Return whether a credential may be sent to an address: http, literal and within the networks, with a port."""
        found = _ADDRESS.fullmatch(named)
        if found is None or not self._within:
            return False
        try:
            address = ip_address(found[1] or found[2])
        except ValueError:
            return False
        if not 1 <= int(found[3]) <= PORT_MAX:
            return False
        return any(address in network for network in self._within)


def networks(iterable: Iterable[str]) -> tuple[Network, ...]:
    """Return networks by how they are written.

    Raises:
        ValueError: one is none.

    >>> networks(["10.42.0.0/16"])
    (IPv4Network('10.42.0.0/16'),)
    """
    return tuple(ip_network(name) for name in iterable)
