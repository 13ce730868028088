"""What a request goes through stays on the event loop: FastAPI hands whatever is no coroutine function to a thread,
which costs a hand-over a request and an order that nobody can repeat."""

from collections.abc import Iterator
from inspect import iscoroutinefunction

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tests.support.five import Five, with_five


def _calls(dependant: Dependant) -> Iterator[object]:
    if dependant.call is not None:
        yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _waits(call: object) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)


def test_no_route_of_any_service_takes_a_thread() -> None:
    async def threads(five: Five) -> list[str]:
        return [
            f"{name} {route.path}: {call!r}"
            for name in five.services
            for route in five.app(name).routes
            if isinstance(route, APIRoute)
            for call in _calls(route.dependant)
            if not _waits(call)
        ]

    assert with_five(threads) == []
