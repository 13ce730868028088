"""Units as rows of pages against units as aggregates: the same people are given the same, whatever fails meanwhile."""

import asyncio
import os
from unittest.mock import patch

import pytest

from simulation.virtual_time import VirtualTimeLoop
from tests.properties.services.assign.histories import History

STEPS = 60
SEEDS = int(os.environ.get("CONCORD_RACE_SEEDS", "2"))


def told(seed: int) -> History:
    history = History(seed)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(history.run(STEPS))
    return history


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_row_of_a_page_is_given_to_whom_an_aggregate_would_be_given(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assign.domain.fresh.PAGE_ROWS_MAX", 6)
    monkeypatch.setattr("services.assign.domain.fresh.LOW_ROWS", 3)
    monkeypatch.setattr("services.assign.domain.queue.LOW_ROWS", 3)
    monkeypatch.setattr("services.assign.domain.fresh.ROWS_IN_MEMORY_MAX", 20)
    monkeypatch.setattr("services.assign.repository.fresh_pages.PAGE_DOCUMENTS_MAX", 2)
    rows = told(seed)
    with patch("services.assign.handlers.units.may_be_row", lambda unit: False):
        oracle = told(seed)
    assert rows.admissions == oracle.admissions, "the same was told"
    assert rows.had == oracle.had
    assert sum(len(units) for _, units in rows.had) > STEPS / 6, "people got to label"
