"""The simulation is trusted because it repeats itself and holds where nothing is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.__main__ import main
from simulation.faults import Fault
from simulation.run import Outcome, run

ROOT = Path(__file__).parents[2]
EVERYTHING = 5
"""A seed that has every kind of fault."""

PRINT_HASH = "from simulation.run import run; print(run(5).trace_sha256)"


@pytest.fixture(scope="module")
def everything() -> Outcome:
    return run(EVERYTHING)


def test_a_seed_with_every_fault_breaks_nothing(everything: Outcome) -> None:
    assert everything.broken == []
    assert set(everything.faults) == set(Fault)


def test_the_town_is_busy(everything: Outcome) -> None:
    counts = everything.counts
    assert min(counts["units"], counts["annotations"], counts["lots_accepted"]) > 0
    assert counts["lives"] > 5, "services died and were begun anew"
    assert sum(everything.faults.values()) > 100


def test_a_seed_repeats_itself_exactly(everything: Outcome) -> None:
    again = run(EVERYTHING)
    assert (again.trace_sha256, again.counts, again.faults) == (
        everything.trace_sha256,
        everything.counts,
        everything.faults,
    )


def test_a_seed_repeats_itself_in_another_process_with_other_hashes(everything: Outcome) -> None:
    # This process has hashes of its own, of one draw in four billion the same.
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", PRINT_HASH], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == everything.trace_sha256


def test_a_broken_seed_says_what_it_broke_and_how_to_replay_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "simulation.json"
    assert main(["--seed", "1", "--plant", "gold-in-a-reply", "--json", str(file)]) == 1
    printed = capsys.readouterr().out
    assert "holds 'gold'" in printed
    assert "replay: python -m simulation --seed 1 --plant gold-in-a-reply" in printed
    body = json.loads(file.read_text())
    assert (body["seeds"], body["broken"]) == (1, [1])


def test_seeds_that_hold_end_with_status_0_side_by_side_too_and_are_other_stories(
    everything: Outcome, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "simulation.json"
    assert main(["--first", "2", "--seeds", "2", "--jobs", "2", "--json", str(file)]) == 0
    assert "HOLDS: 2 seeds, no broken invariant" in capsys.readouterr().out
    hashes = {entry["trace_sha256"] for entry in json.loads(file.read_text())["runs"]}
    assert len(hashes | {everything.trace_sha256}) == 3
