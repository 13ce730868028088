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
KILLS = 10
"""One of each process."""
KILL_EVERY_SECONDS = 5.0


async def _run(plan: Plan, folder: Path) -> Outcome:
    outcome = await run(plan, folder, print)
    waits = {name: asdict(entry) for name, entry in outcome.waits.items()}
    counts = {name: tally.count for name, tally in outcome.tallies.items()}
    broken = outcome.notebook.broken
    sys.stdout.write(json.dumps({"waits": waits, "counts": counts, "late": outcome.late, "broken": broken}, indent=1))
    assert outcome.faults() == []
    assert {name for name, entry in outcome.waits.items() if entry.blows} == set(outcome.waits), "each service was hit"
    assert all(counts[name] for name in ("units", "labels", "resolutions of a unit", "units in lots"))
    return outcome


async def test_nothing_is_lost_or_doubled_when_processes_are_killed_again_and_again(folder: Path) -> None:
    await _run(Plan(PROJECTS, 2, KILLS, KILL_EVERY_SECONDS), folder)


async def test_while_every_process_is_replaced_callers_hear_success_or_503_with_retry_after(folder: Path) -> None:
    outcome = await _run(Plan(PROJECTS, 2, kills=0), folder)
    hit = {blow.name for blow in outcome.blows}
    assert len(hit) == KILLS
