"""A service with a trouble: `python -m tests.end_to_end.alerts.troubled ingest --holds 400`.

The service is the real one; what is wrong is how much memory it holds, or a defect in one place.
"""

import argparse
import runpy
from collections.abc import Awaitable, Callable
from typing import Any

from concord.chassis import runtime
from concord.chassis.journal.settling import Settling
from services.metrics.measure import Measure

PLANTED = "planted on purpose"
MEGABYTE = 1_000_000
KEPT: list[bytes] = []


def main() -> None:
    """Bring the trouble about, and run the service."""
    parser = argparse.ArgumentParser(description="Run a service with a trouble.")
    parser.add_argument("service")
    parser.add_argument("--holds", type=int, default=0, help="megabytes of memory that it holds besides its own")
    parser.add_argument("--loop", default="", help="the loop of which every second turn fails")
    parser.add_argument("--kind", default="", help="the kind of aggregate that its read model takes in never")
    parser.add_argument("--project", default="", help="the project, by the end of its id, that cannot be measured")
    asked = parser.parse_args()
    if asked.holds:
        KEPT.append(b"\1" * (asked.holds * MEGABYTE))
    if asked.loop:
        _failing(asked.loop)
    if asked.kind:
        _unsettled(asked.kind)
    if asked.project:
        _unmeasured(asked.project)
    runpy.run_module(f"services.{asked.service}", run_name="__main__")


def _failing(loop: str) -> None:
    repeating = runtime.repeating

    def planted(name: str, turn: Callable[[], Awaitable[object]], *others: Any) -> runtime.Loop:
        return repeating(name, _every_second(turn) if name == loop else turn, *others)

    setattr(runtime, "repeating", planted)  # noqa: B010 - the same


def _every_second(turn: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    turns = 0

    async def failing() -> None:
        nonlocal turns
        turns += 1
        if turns % 2 == 0:
            raise RuntimeError(PLANTED)
        await turn()

    return failing


def _unsettled(kind: str) -> None:
    listen = Settling.listen

    def refuse(key: str, state: Any) -> None:
        raise RuntimeError(PLANTED)

    def planted(self: Settling, of: Any, settle: Any) -> None:
        listen(self, of, refuse if of.name == kind else settle)

    setattr(Settling, "listen", planted)  # noqa: B010 - a defect that is planted has another type


def _unmeasured(project: str) -> None:
    conclude = Measure._concluded

    async def planted(self: Measure, found: Any, *others: Any) -> Any:
        if found.project_id.endswith(project):
            raise RuntimeError(PLANTED)
        return await conclude(self, found, *others)

    setattr(Measure, "_concluded", planted)  # noqa: B010 - the same


if __name__ == "__main__":
    main()
