"""Drafts: nothing that somebody began to say outlives the lease of the unit, and in the store nobody can read it."""

from collections.abc import Iterator

from simulation.checkers.desks import ENDS
from simulation.evidence import Evidence
from simulation.notebook import Notebook


def drafts_end_with_their_leases(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Of a lease whose end was told, and of a unit that was erased, no draft is left; of the others it lies sealed."""
    del notebook
    ended = {
        event.content.annotation_id if kind == "annotation_submitted" else event.content.assignment_id: kind
        for kind in ENDS
        for event in evidence.events(kind)
    }
    erased = {event.content.unit_id for event in evidence.events("unit_erased")}
    for document in evidence.documents.get(("assign", "drafts"), []):
        where = f"draft {document['_id']}"
        if kind := ended.get(document["assignment"]):
            yield f"{where} outlived its lease, of which {kind} was told"
        if document["unit"] in erased:
            yield f"{where} outlived its unit, which was erased"
        if b'"by"' in document["sealed"]:
            yield f"{where} can be read in the store"
