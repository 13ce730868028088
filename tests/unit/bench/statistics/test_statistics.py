"""The statistics' bench at tiny size: every work computes what it says, and stands where it should in the report."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.statistics import ours, peers, report
from bench.statistics.comparison import COMPARISONS, ChildFailed, Compared, Comparison, in_child
from bench.statistics.measure import Measured, Work, measured
from bench.statistics.workload import LABELS_PER_UNIT, workload

UNITS = 400


@pytest.mark.parametrize("name", ours.WORKS)
def test_every_work_of_ours_runs_and_finds_something_sensible(name: str) -> None:
    value = ours.WORKS[name](workload(UNITS)).call()
    assert value is None or 0.0 < value < 1.0


def test_every_comparison_names_works_that_exist_and_every_work_is_compared() -> None:
    assert {comparison.name for comparison in COMPARISONS} == ours.WORKS.keys()
    assert {peer for comparison in COMPARISONS for peer in comparison.peers} == peers.WORKS.keys()


def test_no_annotator_labels_a_unit_twice() -> None:
    data = workload(UNITS)
    assert all(len(set(row)) == LABELS_PER_UNIT for row in data.annotators.tolist())
    assert data.annotators.max() < data.annotator_count


def test_the_same_seed_gives_the_same_labels_and_another_seed_others() -> None:
    assert np.array_equal(workload(UNITS).labels, workload(UNITS).labels)
    assert not np.array_equal(workload(UNITS).labels, workload(UNITS, seed=1).labels)


def test_a_cost_is_told_of_one_operation_and_of_the_quickest_call() -> None:
    calls = []
    cost = measured(Work("us", lambda: calls.append(sum(range(200_000))), operations=1000))
    assert calls
    assert 0.0 < cost.cpu_seconds < 1.0 / 1000
    assert cost.peak_mb > 1.0
    assert cost.value is None


def test_a_child_of_an_interpreter_measures_and_one_that_fails_says_why() -> None:
    cost = in_child(Path(sys.executable), "ours", "posterior_update", UNITS)
    assert cost.who == "concord"
    assert cost.cpu_seconds > 0.0
    with pytest.raises(ChildFailed, match="ended with status 1"):
        in_child(Path("/bin/false"), "ours", "posterior_update", UNITS)


def compared(cpu_seconds: float, peak_mb: float) -> Compared:
    limited = Comparison("x", "a statistic", cpu_seconds_max=1.0, peak_mb_max=100.0)
    peer = Measured("peer 1.0", 3.0, 200.0, 0.5)
    return Compared(limited, UNITS, Measured("concord", cpu_seconds, peak_mb, 0.5), (peer,))


@pytest.mark.parametrize(
    ("cpu_seconds", "peak_mb", "verdict"), [(0.5, 50, "kept"), (2, 50, "BROKEN"), (0.5, 150, "BROKEN")]
)
def test_the_table_says_whether_a_limit_was_kept(cpu_seconds: float, peak_mb: float, verdict: str) -> None:
    ours_row, peer_row = report.table([compared(cpu_seconds, peak_mb)]).rows
    assert ours_row[5].endswith(verdict)
    assert peer_row[3] == f"{3.0 / cpu_seconds:.1f} x"
