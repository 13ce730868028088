"""Whether settled labels are as often right as they are said to be: over many runs, for one run has too few of them."""

import json
from collections.abc import Iterable, Iterator
from math import sqrt
from typing import NamedTuple

from simulation.evidence import Evidence
from simulation.notebook import Notebook

UNITS_MIN = 40
"""Settled units under which nothing is said."""
MARGIN = 0.01
"""By how much the mean confidence may be above the share that is right. In the town it is .02 to .1 below it: what is
known of each annotator is little, and who is unsure asks for another label."""
DEVIATIONS = 3.0
"""Of the share, by chance."""


class Settled(NamedTuple):
    """A unit that was settled under a posterior: how sure that was, and whether it is right."""

    confidence: float
    right: bool


def settled(notebook: Notebook, evidence: Evidence) -> list[Settled]:
    """Return the units of a run that were settled under a posterior."""
    sources = {
        one.content.unit_id: (one.metadata.project_id, one.content.source_id)
        for one in evidence.events("unit_admitted")
    }
    found = []
    for one in evidence.events("consensus_reached"):
        sent = notebook.units.get(sources.get(one.content.unit_id, ("", "")), [])
        if one.content.method == "posterior" and len(sent) == 1 and isinstance(sent[0].truth, str):
            wording = notebook.wordings[one.metadata.project_id]
            found.append(
                Settled(one.content.confidence, wording.says_true(json.loads(one.content.label), sent[0].truth))
            )
    return found


def too_sure(runs: Iterable[list[Settled]]) -> Iterator[str]:
    """Yield a sentence when settled units are right less often than they are said to be, by more than chance."""
    units = [one for run in runs for one in run]
    if len(units) < UNITS_MIN:
        return
    said = sum(one.confidence for one in units) / len(units)
    right = sum(one.right for one in units) / len(units)
    spread = sqrt(max(said * (1 - said), 1e-4) / len(units))
    if said - right > MARGIN + DEVIATIONS * spread:
        yield f"{len(units)} units were settled with a confidence of {said:.3f} on average, and {right:.3f} are right"
