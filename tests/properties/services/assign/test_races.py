"""Claims, submissions, expiry, revisions and what others tell, all at once, in two lives of assign."""

import asyncio
import os

import pytest

from simulation.virtual_time import VirtualTimeLoop
from tests.properties.services.assign.races import Races

LEASES_MAX = 5
STEPS = 500
SEEDS = int(os.environ.get("CONCORD_RACE_SEEDS", "2"))
"""Of STEPS moves each; 20 are ten thousand."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_unit_is_had_by_too_many_nobody_holds_too_much_and_no_label_is_lost(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assign.domain.desk.LEASES_MAX", LEASES_MAX)
    monkeypatch.setattr("services.assign.handlers.desks.LEASES_MAX", LEASES_MAX)
    monkeypatch.setattr("services.assign.domain.desk.PAGE_RECORDS_MAX", 8)
    races = Races(seed)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(races.run(STEPS))
    assert list(races.broken(LEASES_MAX)) == []
    assert len(races.acknowledged) > STEPS / 20, "people got to label"
    assert races.done["refused"] > 0, "they met"
    assert sum(map(len, races.revised.values())) > STEPS / 100, "and to revise"
