"""Two processes of each service are killed, and then all replaced in order, under load: nothing is lost or doubled.

Time is not judged here but shown; `make chaos ARGS="--minutes 10"` judges it, too.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.end_to_end.chaos.run import Outcome, Plan, run

pytestmark = pytest.mark.real

PROJECTS = 6
KILLS = 9
"""One of each process, metrics' single one among them."""
KILL_EVERY_SECONDS = 5.0


async def _run(plan: Plan, folder: Path) -> Outcome:
    outcome = await run(plan, folder, print)
    waits = {name: asdict(one) for name, one in outcome.waits.items()}
    tallies = {name: asdict(one) for name, one in outcome.tallies.items()}
    sys.stdout.write(json.dumps({"waits": waits, "tallies": tallies, "late": outcome.late}, indent=1))
    assert outcome.faults() == []
    assert {name for name, one in outcome.waits.items() if one.blows} == set(outcome.waits), "each service was hit"
    assert all(outcome.tallies[name].count for name in ("units", "labels", "rulings", "verdicts"))
    return outcome


async def test_nothing_is_lost_or_doubled_when_processes_are_killed_again_and_again(folder: Path) -> None:
    await _run(Plan(PROJECTS, 2, KILLS * KILL_EVERY_SECONDS, KILL_EVERY_SECONDS), folder)


async def test_while_every_process_is_replaced_callers_hear_success_or_503_with_retry_after(folder: Path) -> None:
    outcome = await _run(Plan(PROJECTS, 2, kill_every_seconds=0), folder)
    hit = {blow.name for blow in outcome.blows}
    assert len(hit) == KILLS
