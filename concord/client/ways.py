"""Where a request goes: to its service's address, or to the process that an answer has named as the project's owner.

A caller outside knows the services' addresses alone, and whatever comes to the wrong process is handed on. A caller
among the services' own processes may go straight to the right one, where it was told in which networks these are.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlencode

import httpx

from concord.client.addresses import Addresses
from concord.client.steps import Answer, Send
from concord.contracts.owners import OWNER, Owners, networks, slot_of_target

OWNER_CONNECT_SECONDS_MAX = 1.0
"""A process that is gone keeps nobody waiting: the service's own address is asked then."""
AWAY = 503


class Ways:
    """Where requests go, by what answers have said.

    Args:
        addresses: of the services.
        within: networks whose addresses are believed; none: nothing is learnt.
        monotonic: tells seconds that pass.

    Raises:
        ValueError: one is no network.
    """

    def __init__(self, addresses: Addresses, within: Iterable[str], monotonic: Callable[[], float]) -> None:
        self._addresses = addresses
        self._owners = Owners(networks(within), monotonic)

    def address(self, wish: Send) -> str:
        """Return the base URL of a request's service; empty for one that names its whole URL."""
        return self._addresses.of(wish.service) if wish.service else ""

    def owner(self, wish: Send) -> str | None:
        """Return the base URL of the process that owns what a request is about; None where that is not known.

        A file is sent once and to the service's own address: it may be long, and where it goes wrong it is sent anew.
        """
        return None if isinstance(wish.body, Path) else self._owners.address(wish.service, _slot(wish))

    def heard(self, wish: Send, answer: Answer) -> Answer:
        """Take note of whom an answer names; an owner that answers 503 gives its place up. Return the answer."""
        slot = _slot(wish)
        if answer.status == AWAY:
            self._owners.forget(wish.service, slot)
        self._owners.learn(wish.service, slot, answer.headers.get(OWNER))
        return answer

    def lost(self, wish: Send, fault: httpx.TransportError) -> bool:
        """Forget an owner that did not answer, and tell whether it may have got the request."""
        self._owners.forget(wish.service, _slot(wish))
        return not isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout)


def _slot(wish: Send) -> int | None:
    return slot_of_target(wish.path, urlencode(wish.query)) if wish.service else None
