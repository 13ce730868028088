"""What holds for every test: no property fails for the machine's being busy or by a draw, and the longest files begin
first.
"""

import gc
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Draws anew in each run: `pytest tests/properties --hypothesis-profile=exploring`, by whoever looks for more."""
settings.register_profile("concord", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("concord")

HERE = Path(__file__).parent
LONGEST_FIRST = (
    "simulation/test_planted.py",
    "simulation/test_planted_others.py",
    "simulation/test_planted_later.py",
    "simulation/test_simulation.py",
    "unit/services/test_doors.py",
    "simulation/test_memory.py",
    "unit/services/metrics/test_metrics.py",
    "end_to_end/test_way.py",
    "end_to_end/test_chaos.py",
    "end_to_end/test_outage.py",
)
"""Of the files that several processes share out: with these at the end all others would wait for one. The first keep
a core busy each, while those that follow mostly wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {HERE / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector look at what tests make alone.

    All modules and tests are half a million objects, of which none is ever let go of: looking through them took a fifth
    of the time in which they are collected, and a sixth of that of the tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
