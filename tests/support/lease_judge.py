"""The judge of leases: what the topics say of who held what until when, held against what was promised to whom."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

ENDS = {
    "assignment_expired": "expired",
    "assignment_returned": "returned",
    "unit_skipped": "skipped",
}
LET_GO = frozenset(ENDS.values())


class Lease(NamedTuple):
    """A lease as it was told: times in microseconds since the epoch, UTC."""

    unit_id: str
    annotator_id: str
    issued_us: int
    until_us: int


class End(NamedTuple):
    """How a lease ended, and when; `labelled` with a label that counts, `late` with one that does not."""

    how: str
    at_us: int


@dataclass
class Told:
    """What the topics say, each event once however often it was said.

    Attributes:
        issued: by assignment id.
        ends: likewise, in the order in which they were told.
    """

    issued: dict[str, Lease] = field(default_factory=dict)
    ends: dict[str, list[End]] = field(default_factory=lambda: defaultdict(list))

    def labels(self) -> Counter[str]:
        """Return how many labels that count each unit has."""
        return Counter(
            self.issued[name].unit_id
            for name, ends in self.ends.items()
            for end in ends
            if end.how == "labelled" and name in self.issued
        )

    def returned_after(self, names: Collection[str]) -> list[float]:
        """Return how many seconds after their ends the leases of these annotators were told to be over."""
        return [
            (end.at_us - lease.until_us) / 1e6
            for assignment_id, lease in self.issued.items()
            if lease.annotator_id in names
            for end in self.ends[assignment_id]
            if end.how == "expired"
        ]


def told(assignments: Iterable[Any], annotations: Iterable[Any]) -> Told:
    """Return what the envelopes of both topics say of leases."""
    found, seen = Told(), set[str]()
    for envelope in [*assignments, *annotations]:
        if envelope.metadata.event_id in seen:
            continue
        seen.add(envelope.metadata.event_id)
        kind, at_us = envelope.WhichOneof("event"), envelope.metadata.occurred_at_us
        assignment = getattr(envelope, kind)
        if kind == "assignment_issued":
            assert assignment.assignment_id not in found.issued, f"{assignment.assignment_id} was issued in two events"
            found.issued[assignment.assignment_id] = Lease(
                assignment.unit_id, assignment.annotator_id, at_us, assignment.lease_until_us
            )
        elif kind in ENDS:
            found.ends[assignment.assignment_id].append(End(ENDS[kind], at_us))
        elif kind == "annotation_submitted":
            found.ends[assignment.annotation_id].append(End("late" if assignment.late else "labelled", at_us))
    return found


def faults(
    found: Told, overlap: int, units: Collection[str], offered: Mapping[str, tuple[str, str]], taken: Collection[str]
) -> Iterator[str]:
    """Yield what was promised and not kept, each as a sentence.

    Args:
        found: what the topics say, after the last lease has ended.
        overlap: how many labels each unit gets, and no more.
        units: all of them.
        offered: every answer of a claim that somebody got: assignment id -> unit id and annotator.
        taken: assignments whose label was acknowledged.
    """
    for assignment_id, (unit_id, annotator_id) in offered.items():
        lease = found.issued.get(assignment_id)
        if lease is None or (lease.unit_id, lease.annotator_id) != (unit_id, annotator_id):
            yield f"{annotator_id} was offered {unit_id} as {assignment_id}, which was told as {lease}"
    for assignment_id in taken:
        if all(end.how in LET_GO for end in found.ends[assignment_id]):
            yield f"the label of {assignment_id} was acknowledged and is not told"
    yield from _twice(found)
    yield from _ends(found)
    yield from _too_many(found, overlap)
    labels = found.labels()
    for unit_id in units:
        if labels[unit_id] != overlap:
            yield f"{unit_id} has {labels[unit_id]} labels where {overlap} are wanted"


def _twice(found: Told) -> Iterator[str]:
    """Yield who had a unit again though they had it still, or had labelled it; what was let go may come back."""
    by_pair: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for assignment_id, lease in found.issued.items():
        by_pair[lease.unit_id, lease.annotator_id].append((lease.issued_us, assignment_id))
    for (unit_id, annotator_id), leases in by_pair.items():
        for (_, before), (issued_us, _) in pairwise(sorted(leases)):
            let_go = [end.at_us for end in found.ends[before] if end.how in LET_GO]
            if not let_go or min(let_go) > issued_us:
                yield f"{annotator_id} was given {unit_id} twice"


def _ends(found: Told) -> Iterator[str]:
    """Yield leases that never ended, ended twice, or before their time."""
    for assignment_id, lease in found.issued.items():
        ends = found.ends[assignment_id]
        told_as = sorted(end.how for end in ends)
        if told_as not in (["expired"], ["expired", "late"], ["labelled"], ["late"], ["returned"], ["skipped"]):
            yield f"the lease {assignment_id} ended as {told_as or 'nothing at all'}"
        if any(end.how == "expired" and end.at_us < lease.until_us for end in ends):
            yield f"the lease {assignment_id} was ended before its time"
    for assignment_id in found.ends.keys() - found.issued.keys():
        if found.ends[assignment_id]:
            yield f"{assignment_id} ended and was never issued"


def _too_many(found: Told, overlap: int) -> Iterator[str]:
    """Yield units that more were given at one time than they want labels: open leases and labels that count."""
    steps: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for assignment_id, lease in found.issued.items():
        steps[lease.unit_id].append((lease.issued_us, 1))
        over = [end.at_us for end in found.ends[assignment_id] if end.how in LET_GO]
        if over:
            # What is given back at a time is free at that time.
            steps[lease.unit_id].append((min(over), -1))
    for unit_id, changes in steps.items():
        held = 0
        for _, change in sorted(changes):
            held += change
            if held > overlap:
                yield f"{unit_id} was with {held} at once where {overlap} are wanted"
                break
