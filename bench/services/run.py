"""From an empty stack to the figures, size after size."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.services.door import HttpDoor
from bench.services.floor import BareHttp
from bench.services.load import ANNOTATORS, define
from bench.services.phases import Measured, People, Phases
from bench.services.site import Site
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench"


async def measure(
    sizes: Sequence[int], services: Sequence[str], say: Callable[[str], None], folder: Path = FOLDER
) -> list[Measured]:
    """Measure at each size, on a stack that starts with nothing in it.

    Args:
        sizes: numbers of units.
        services: which run; ingest and assign are needed.
        say: is given a line now and then.
        folder: where the stack lives; what is there is removed, before and after.

    Raises:
        NotStarted: the stack could not come up.
        Behind, Refused, NothingOffered, FloorFailed: see there.
    """
    found = []
    for units in sizes:
        shutil.rmtree(places.data(folder), ignore_errors=True)
        try:
            found.append(await _at_size(units, services, say, folder))
        finally:
            shutil.rmtree(places.data(folder), ignore_errors=True)
    return found


async def _at_size(units: int, services: Sequence[str], say: Callable[[str], None], folder: Path) -> Measured:
    say(f"services, {units:,} units: starting broker, store and services")
    ports = Ports.free()
    stack = Stack(folder, ports, services=services)
    async with stack, Site(stack) as site, HttpDoor(stack.addresses) as door:
        bare_port = _free_port(ports)
        async with BareHttp(bare_port, stack.log("bare_http")) as bare:
            issuer = stack.issuer
            names = [f"annotator-{number:02}" for number in range(1, ANNOTATORS + 1)]
            project_id = await define(door, issuer.client_key, issuer.token("operator", "bench"), names)
            people = People(issuer.client_key, [issuer.token("annotator", name) for name in names], project_id)
            return await Phases(site, door, people, bare, units, say).run()


def _free_port(taken: Ports) -> int:
    """Return a port that nothing listens on and that the stack did not take."""
    return next(port for port in Ports.free().as_dict().values() if port not in taken.as_dict().values())
