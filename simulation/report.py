"""How a simulation is told: progress while it runs, a table at the end, and each failure with its replay."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from simulation.run import Outcome

SHOWN_MAX = 10
"""Broken sentences shown of one seed."""


class Progress:
    """A bar on a terminal, a line a seed elsewhere.

    Args:
        seeds: how many will run.
        out: where it is shown.
    """

    def __init__(self, seeds: int, out: TextIO) -> None:
        self._seeds = seeds
        self._done = 0
        self._broken = 0
        self._console = Console(file=out)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=self._console, transient=True) if self._console.is_terminal else None
        self._task = self._bar.add_task("seeds", total=seeds) if self._bar is not None else None

    def __enter__(self) -> Self:
        """Show the bar."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self, outcome: Outcome) -> None:
        """Count a seed that is over."""
        self._done += 1
        self._broken += bool(outcome.broken)
        if self._bar is not None and self._task is not None:
            text = f"seeds, {self._broken} broken" if self._broken else "seeds"
            self._bar.update(self._task, advance=1, description=text)
            return
        verdict = "BROKEN" if outcome.broken else "holds"
        line = f"{self._done}/{self._seeds} seed {outcome.seed} {verdict} in {outcome.cpu_seconds:.1f} s"
        self._console.print(line, highlight=False)


def failure(outcome: Outcome, plant: str | None = None) -> str:
    """Return what a seed broke, and the one command that replays it, with the bug that was planted."""
    options = f" --plant {plant}" if plant else ""
    more = len(outcome.broken) - SHOWN_MAX
    lines = [f"\nSEED {outcome.seed} BROKE:", *(f"  - {sentence}" for sentence in outcome.broken[:SHOWN_MAX])]
    if more > 0:
        lines.append(f"  - and {more} more")
    lines.append(f"  faults: {', '.join(f'{name} {times}' for name, times in outcome.faults.items()) or 'none'}")
    return "\n".join([*lines, f"  replay: python -m simulation --seed {outcome.seed}{options}"])


def table(outcomes: Sequence[Outcome]) -> str:
    """Return what happened in all runs together."""
    counts, faults = totals(outcomes)
    rows = [(name.replace("_", " "), f"{count:,}") for name, count in counts.items()]
    rows += [(f"fault: {name}", f"{count:,}") for name, count in faults.items()]
    rows.append(("virtual hours", f"{sum(outcome.virtual_seconds for outcome in outcomes) / 3_600:,.1f}"))
    settled = [entry for outcome in outcomes for entry in outcome.settled]
    if settled:
        rows.append(("confidence of settled units", f"{sum(entry.confidence for entry in settled) / len(settled):.3f}"))
        rows.append(("share of them right", f"{sum(entry.right for entry in settled) / len(settled):.3f}"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value:>9}" for name, value in rows)


def closing_line(outcomes: Sequence[Outcome]) -> str:
    """Return the result in a line."""
    bad = [outcome.seed for outcome in outcomes if outcome.broken]
    cpu = sum(outcome.cpu_seconds for outcome in outcomes)
    if bad:
        return f"BROKEN: {len(bad)} of {len(outcomes)} seeds ({', '.join(map(str, bad))}) in {cpu:.0f} s of CPU"
    return f"HOLDS: {len(outcomes)} seeds, no broken invariant, in {cpu:.0f} s of CPU"


def totals(outcomes: Sequence[Outcome]) -> tuple[Counter[str], Counter[str]]:
    """Return the sums over all runs: what happened, and which faults struck."""
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
        faults.update(outcome.faults)
    return counts, faults


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return everything that was found, for a file."""
    counts, faults = totals(outcomes)
    return {
        "seeds": len(outcomes),
        "broken": [outcome.seed for outcome in outcomes if outcome.broken],
        "counts": dict(counts),
        "faults": dict(faults),
        "virtual_seconds": sum(outcome.virtual_seconds for outcome in outcomes),
        "cpu_seconds": sum(outcome.cpu_seconds for outcome in outcomes),
        "runs": [dataclasses.asdict(outcome) for outcome in outcomes],
    }
