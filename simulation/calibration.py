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
        event.content.unit_id: (event.metadata.project_id, event.content.source_id)
        for event in evidence.events("unit_admitted")
    }
    found = []
    for event in evidence.events("consensus_reached"):
        sent = notebook.units.get(sources.get(event.content.unit_id, ("", "")), [])
        if event.content.method == "posterior" and len(sent) == 1 and isinstance(sent[0].truth, str):
            wording = notebook.wordings[event.metadata.project_id]
            found.append(
                Settled(event.content.confidence, wording.says_true(json.loads(event.content.label), sent[0].truth))
            )
    return found


def too_sure(runs: Iterable[list[Settled]]) -> Iterator[str]:
    """Yield a sentence when settled units are right less often than they are said to be, by more than chance."""
    units = [entry for run in runs for entry in run]
    if len(units) < UNITS_MIN:
        return
    confidence = sum(unit.confidence for unit in units) / len(units)
    right = sum(unit.right for unit in units) / len(units)
    spread = sqrt(max(confidence * (1 - confidence), 1e-4) / len(units))
    if confidence - right > MARGIN + DEVIATIONS * spread:
        settled = f"{len(units)} units were settled with a confidence of {confidence:.3f} on average"
        yield f"{settled}, and {right:.3f} are right"
