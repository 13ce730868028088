"""Which statistic of ours stands beside which of others, and what it may cost."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.statistics.measure import Measured
from bench.statistics.workload import LABELS_PER_UNIT
from deploy.local import places

CHILD_SECONDS_MAX = 900


class ChildFailed(Exception):
    """A measurement ended with an error; the text holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One statistic: ours, the peers' that compute the same, and the limits on ours.

    Attributes:
        name: its name in `ours.WORKS`, and for `--only`.
        what: in words.
        peers: the names in `peers.WORKS` of what stands beside it.
        cpu_seconds_max: of one operation on UNITS units; None where none is set.
        peak_mb_max: of the process; None where none is set.
    """

    name: str
    what: str
    peers: tuple[str, ...] = ()
    cpu_seconds_max: float | None = None
    peak_mb_max: float | None = None


COMPARISONS = (
    Comparison(
        "dawid_skene",
        "Dawid-Skene to convergence",
        ("crowd_kit_inference", "crowd_kit_converged"),
        cpu_seconds_max=5.0,
        peak_mb_max=300.0,
    ),
    Comparison(
        "alpha_of_tally", "Krippendorff's alpha, from a tally", ("krippendorff_of_counts",), cpu_seconds_max=0.1
    ),
    Comparison("kappa_of_tally", "Fleiss' kappa, from a tally", ("statsmodels_of_counts",), cpu_seconds_max=0.1),
    Comparison("alpha_of_table", "Krippendorff's alpha, from every label", ("krippendorff_of_table", "irrcac_alpha")),
    Comparison("kappa_of_table", "Fleiss' kappa, from every label", ("statsmodels_of_table", "irrcac_kappa")),
    Comparison("ac1_of_table", "Gwet's AC1, from every label", ("irrcac_ac1",)),
    Comparison("posterior_update", "one unit's posterior, one label more", cpu_seconds_max=20e-6),
    Comparison("tally_update", "one annotation into the live tallies"),
    Comparison("metrics_turn", "metrics' turn, 2,000 annotators x 50 classes, 20 with news", cpu_seconds_max=0.1),
    Comparison("metrics_turn_of_all", "the same, all of them with news", cpu_seconds_max=0.1),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison with what was measured; the peers are empty where they were left out."""

    comparison: Comparison
    units: int
    ours: Measured
    peers: tuple[Measured, ...]

    @property
    def annotations(self) -> int:
        """How many labels were given."""
        return self.units * LABELS_PER_UNIT

    def ratio(self, peer: Measured) -> float:
        """Return how many times our CPU the peer used."""
        return peer.cpu_seconds / self.ours.cpu_seconds

    @property
    def within(self) -> bool | None:
        """Whether ours kept its limits; None where there are none."""
        limits = (
            (self.comparison.cpu_seconds_max, self.ours.cpu_seconds),
            (
                self.comparison.peak_mb_max,
                self.ours.peak_mb,
            ),
        )
        kept = [cost <= limit for limit, cost in limits if limit is not None]
        return all(kept) if kept else None


def compare(
    chosen: Sequence[Comparison], units: int, peers_python: Path | None, say: Callable[[str], None]
) -> list[Compared]:
    """Measure one after another, each in a child process of its own.

    Args:
        chosen: what to measure.
        units: how many units the workload has.
        peers_python: the interpreter that has the peers; None leaves them out.
        say: is given a line whenever something is about to be measured.

    Raises:
        ChildFailed: see there.
    """
    found = []
    for comparison in chosen:
        say(f"statistics: {comparison.what}, concord")
        ours = in_child(places.PYTHON, "ours", comparison.name, units)
        peers = []
        for name in comparison.peers if peers_python is not None else ():
            assert peers_python is not None
            say(f"statistics: {comparison.what}, {name}")
            peers.append(in_child(peers_python, "peers", name, units))
        found.append(Compared(comparison, units, ours, tuple(peers)))
    return found


def in_child(python: Path, side: str, name: str, units: int) -> Measured:
    """Return what one work costs in a process of its own; ChildFailed when it ends with an error."""
    argv = [str(python), "-m", "bench.statistics.child", side, name, str(units)]
    # Threads of numerical libraries would spread one figure over both cores: CPU is what is told, so one will do.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(
        argv,
        cwd=places.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS_MAX,
        check=False,
    )
    if ended.returncode:
        last = "\n".join(ended.stderr.splitlines()[-15:])
        raise ChildFailed(f"{' '.join(argv)} ended with status {ended.returncode}:\n{last}")
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))
