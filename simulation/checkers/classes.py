"""Classes that change while people label: labels are said under their version, and closed gold waits for a word."""

import json
from collections.abc import Iterator

from simulation.evidence import Evidence
from simulation.notebook import Notebook

CLOCKS_APART_US = 200_000_000
"""How far the clocks of two services may be apart."""


def labels_are_of_their_version(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """A label is one of the classes of the version that it is told to have been given under."""
    for event in evidence.events("annotation_submitted"):
        wording = notebook.wordings.get(event.metadata.project_id)
        if wording is None:
            continue
        version, label = max(1, event.content.schema_version), json.loads(event.content.label)
        if version > wording.version or label not in wording.offers[version - 1]:
            yield f"annotation {event.content.annotation_id} is {label!r} under version {version}, which offers no such"


def gold_that_cannot_be_said_waits(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """A gold unit whose class was retired or split is held back, and nobody is given it from then on."""
    flagged: dict[str, int] = {}
    for event in evidence.events("gold_flagged"):
        flagged.setdefault(event.content.unit_id, event.metadata.occurred_at_us)
    erased = {item.content.unit_id for item in evidence.events("unit_erased")}
    issued = evidence.by_id("assignment_issued", "unit_id")
    for entry in evidence.events("unit_admitted"):
        wording, unit_id = notebook.wordings.get(entry.metadata.project_id), entry.content.unit_id
        if wording is None or not entry.content.HasField("gold_label") or unit_id in erased:
            continue
        known = json.loads(entry.content.gold_label)
        if wording.read(known) not in wording.closed:
            continue
        if unit_id not in flagged:
            yield f"nobody can say {known!r} any more, and gold unit {unit_id} is not held back"
        elif late := [each for each in issued[unit_id] if each.metadata.occurred_at_us > _until(flagged[unit_id])]:
            yield f"gold unit {unit_id} was given out {len(late)} times after it was held back"


def _until(flagged_us: int) -> int:
    return flagged_us + CLOCKS_APART_US
