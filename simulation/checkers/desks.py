"""What one annotator holds at once in a project, and how many annotators meet a gold unit."""

from collections import defaultdict
from collections.abc import Iterator

from simulation.bounds import DESK_LEASES_MAX
from simulation.evidence import Evidence
from simulation.notebook import Notebook

ENDS = ("annotation_submitted", "assignment_expired", "assignment_returned", "unit_skipped")


def desks_hold_no_more_than_they_may(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """At no moment does an annotator hold more leases of a project than fit on a desk, by the clock that was told.

    A lease counts from its issue to whichever comes first: what was told of its end, or its time; renewals are not
    told, so that what is counted is never too much. Where clocks jumped, times of two units say nothing.
    """
    if notebook.clocks_jumped:
        return
    ended: dict[str, int] = {}
    for kind in ENDS:
        for event in evidence.events(kind):
            name = event.content.annotation_id if kind == "annotation_submitted" else event.content.assignment_id
            ended[name] = min(ended.get(name, event.metadata.occurred_at_us), event.metadata.occurred_at_us)
    changes: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for entry in evidence.events("assignment_issued"):
        began, assignment = entry.metadata.occurred_at_us, entry.content
        end = min(assignment.lease_until_us, ended.get(assignment.assignment_id, assignment.lease_until_us))
        if end > began:
            changes[entry.metadata.project_id, assignment.annotator_id] += [(began, 1), (end, -1)]
    for (project_id, annotator_id), steps in changes.items():
        held = most = 0
        for _, step in sorted(steps):
            held += step
            most = max(most, held)
        if most > DESK_LEASES_MAX:
            yield f"{annotator_id} held {most} leases of {project_id} at once, and {DESK_LEASES_MAX} fit"


def gold_is_met_by_no_more_than_may(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """A gold unit is given to no more annotators than its project lets, where its definitions all say one bound."""
    bounds = {
        project_id: entry.pop()
        for project_id, definitions in notebook.definitions.items()
        if len(entry := {definition["policy"].get("gold", {}).get("exposures_max", 0) for definition in definitions})
        == 1
    }
    gold = {event.content.unit_id for event in evidence.events("unit_admitted") if event.content.HasField("gold_label")}
    met: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in evidence.events("assignment_issued"):
        if event.content.unit_id in gold and bounds.get(event.metadata.project_id):
            met[event.metadata.project_id, event.content.unit_id].add(event.content.annotator_id)
    for (project_id, unit_id), names in met.items():
        if len(names) > bounds[project_id]:
            yield f"gold {unit_id} was given to {len(names)} annotators, and {bounds[project_id]} may meet it"
