"""What was lost or doubled of what was acknowledged, and who waited how long: from topics and the load's own notes."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.chaos.notebook import WAITING, Notebook
from tests.end_to_end.chaos.trouble import Blow
from tests.end_to_end.judge import Evidence

WAIT_SECONDS_MAX = 2.0
"""Of a project whose process lives, and of any while processes are replaced in order."""
SESSION_SECONDS = 10.0
BACK_SECONDS_MAX = SESSION_SECONDS + 3.0
"""Of a project whose process was killed: until the group has noticed, and the next owner has loaded it."""
WINDOW_SECONDS = 30.0
"""After a blow: whatever comes of it has come by then."""


@dataclass(frozen=True)
class Tally:
    """Of one kind of thing: how many there were, how many of them are missing, how many stand twice."""

    count: int
    lost: int
    doubled: int


def tallies(evidence: Evidence, notebook: Notebook, counted: Mapping[str, int]) -> dict[str, Tally]:
    """Return what became of everything.

    Args:
        evidence: what all topics hold.
        notebook: what was acknowledged.
        counted: by project, how many labels metrics has counted.
    """
    admitted = evidence.envelopes("units", "unit_admitted")
    labels = evidence.events("annotations", "annotation_submitted")
    settled = [
        *evidence.events("resolutions", "consensus_reached"),
        *evidence.events("resolutions", "adjudicated"),
    ]
    ruled = evidence.events("resolutions", "adjudicated")
    audited = evidence.events("lots", "unit_audited")
    sealed = [unit for lot in evidence.events("units", "lot_sealed") for unit in lot.unit_ids]
    decided = {unit.unit_id for unit in (*settled, *evidence.events("resolutions", "escalated"))}
    given_once = _given_once(labels)
    return {
        "units": _tally(notebook.units, [entry.unit_admitted.unit_id for entry in admitted]),
        "clients' own ids of units": _tally(
            (), [(entry.metadata.project_id, entry.unit_admitted.source_id) for entry in admitted]
        ),
        "labels": _tally(notebook.labels, [label.annotation_id for label in labels]),
        "labels of a person and unit": _tally(
            notebook.labels.values(), [(label.unit_id, label.annotator_id) for label in labels]
        ),
        "decisions that are due": _tally(_due(labels), decided),
        "resolutions of a unit": _tally((), [(unit.unit_id, unit.rework) for unit in settled]),
        "labels behind resolutions": Tally(
            sum(len(entry.evidence) for entry in settled),
            sum(given_once.get(part.annotation_id) is None for entry in settled for part in entry.evidence),
            sum(_doubled([part.annotation_id for part in entry.evidence]) for entry in settled),
        ),
        "rulings": _tally(notebook.rulings, [(unit.unit_id) for unit in ruled]),
        "units in lots": _tally((), sealed),
        "verdicts": _tally(notebook.verdicts, [unit.unit_id for unit in audited]),
        "labels that metrics counts": _counted(evidence.envelopes("annotations", "annotation_submitted"), counted),
    }


def _tally(acknowledged: Iterable[Any], iterable: Iterable[Any]) -> Tally:
    wanted, found = set(acknowledged), list(iterable)
    return Tally(max(len(wanted), len(set(found))), len(wanted - set(found)), _doubled(found))


def _doubled(found: Sequence[Any]) -> int:
    return len(found) - len(set(found))


def _given_once(labels: Iterable[Any]) -> dict[str, bytes]:
    return {label.annotation_id: label.label for label in labels}


def _due(labels: Iterable[Any]) -> Iterator[str]:
    """Yield the units that must have been decided: two labels agree, or as many are there as there may be."""
    by_unit: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
    for label in labels:
        by_unit[label.unit_id][label.label] += 1
    for unit_id, counts in by_unit.items():
        if max(counts.values()) >= 2 or counts.total() >= 3:
            yield unit_id


def _counted(labels: Iterable[Any], counted: Mapping[str, int]) -> Tally:
    counts = Counter(label.metadata.project_id for label in labels)
    lost = sum(max(0, count - counted.get(project_id, 0)) for project_id, count in counts.items())
    doubled = sum(max(0, count - counts[project_id]) for project_id, count in counted.items())
    return Tally(counts.total(), lost, doubled)


@dataclass(frozen=True)
class Waits:
    """The longest that somebody waited for one service's answer; 0 where nobody had to ask.

    Of those who wait for work: how long nobody let them wait, or how long after their patience an answer came.

    Attributes:
        blows: how many of its processes were ended.
        kept: on a project that the ended process did not serve.
        moved: on one that it did.
        beside: on any, while only other services' processes were ended.
    """

    blows: int
    kept: float
    moved: float
    beside: float


def waits(
    notebook: Notebook, blows: Sequence[Blow], services: Iterable[str], projects: Sequence[str]
) -> dict[str, Waits]:
    """Return by service how long anybody waited after each blow; apart, under WAITING, those who wait for work."""
    found = {}
    for service in services:
        own = [blow for blow in blows if blow.service == service.removesuffix(WAITING)]
        each = [waits_after(notebook, blow, blows, service) for blow in own]
        strange = [blow for blow in blows if not any(_meets(blow, entry) for entry in own)]
        found[service] = Waits(
            len(own),
            max((kept for kept, _ in each), default=0.0),
            max((moved for _, moved in each), default=0.0),
            max((notebook.longest_wait(service, projects, *_window(blow)) for blow in strange), default=0.0),
        )
    return found


def waits_after(notebook: Notebook, blow: Blow, blows: Iterable[Blow], asked: str = "") -> tuple[float, float]:
    """Return the longest wait after one blow, on projects of its service that stayed and on those that moved.

    Args:
        notebook: tells who asked.
        blow, blows: the one, and all.
        asked: of whom, as the notebook has it; of the blow's service if empty.
    """
    asked = asked or blow.service
    own = [entry for entry in blows if entry.service == blow.service]
    window = _window(blow)
    return (
        notebook.longest_wait(asked, _unmoved(blow, own), *window),
        notebook.longest_wait(asked, blow.had, *window),
    )


def _window(blow: Blow) -> tuple[float, float]:
    return blow.began, max(blow.began + WINDOW_SECONDS, blow.ready)


def _meets(blow: Blow, other: Blow) -> bool:
    (begin, end), (since, until) = _window(blow), _window(other)
    return begin < until and since < end


def _unmoved(blow: Blow, own: Iterable[Blow]) -> list[str]:
    """Return the projects that this blow left where they were, and no other one of about that time moved."""
    moved = {project for entry in own if _meets(entry, blow) for project in entry.had}
    return [project for project in blow.others if project not in moved]


def late(found: Mapping[str, Waits], several: Iterable[str], killed: bool) -> list[str]:
    """Return, as sentences, who waited longer than anybody may."""
    back = BACK_SECONDS_MAX if killed else WAIT_SECONDS_MAX
    names = []
    for service in several:
        entry = found[service]
        for what, seconds, most in (
            ("a project of a process that lived", max(entry.kept, entry.beside), WAIT_SECONDS_MAX),
            ("a project of the process that ended", entry.moved, back),
        ):
            if seconds > most:
                text = "for ever" if seconds == math.inf else f"{seconds:.1f} s"
                names.append(f"{service}: {what} waited {text}, and may {most:g} s")
    return names
