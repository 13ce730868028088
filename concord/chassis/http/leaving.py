"""Whether whoever asked still waits for the answer."""

from starlette.types import Receive


async def left(receive: Receive) -> None:
    """Return when the caller has hung up; cancel it when the answer is there.

    Args:
        receive: the request's; all of its body has been read.
    """
    while (await receive())["type"] != "http.disconnect":
        pass
