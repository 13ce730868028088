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
    decided = {one.unit_id for one in (*settled, *evidence.events("resolutions", "escalated"))}
    given_once = _given_once(labels)
    return {
        "units": _tally(notebook.units, [one.unit_admitted.unit_id for one in admitted]),
        "clients' own ids of units": _tally(
            (), [(one.metadata.project_id, one.unit_admitted.source_id) for one in admitted]
        ),
        "labels": _tally(notebook.labels, [one.annotation_id for one in labels]),
        "labels of a person and unit": _tally(
            notebook.labels.values(), [(one.unit_id, one.annotator_id) for one in labels]
        ),
        "decisions that are due": _tally(_due(labels), decided),
        "resolutions of a unit": _tally((), [(one.unit_id, one.rework) for one in settled]),
        "labels behind resolutions": Tally(
            sum(len(one.evidence) for one in settled),
            sum(given_once.get(part.annotation_id) is None for one in settled for part in one.evidence),
            sum(_doubled([part.annotation_id for part in one.evidence]) for one in settled),
        ),
        "rulings": _tally(notebook.rulings, [(one.unit_id) for one in ruled]),
        "units in lots": _tally((), sealed),
        "verdicts": _tally(notebook.verdicts, [one.unit_id for one in audited]),
        "labels that metrics counts": _counted(evidence.envelopes("annotations", "annotation_submitted"), counted),
    }


def _tally(acknowledged: Iterable[Any], said: Iterable[Any]) -> Tally:
    wanted, found = set(acknowledged), list(said)
    return Tally(max(len(wanted), len(set(found))), len(wanted - set(found)), _doubled(found))


def _doubled(found: Sequence[Any]) -> int:
    return len(found) - len(set(found))


def _given_once(labels: Iterable[Any]) -> dict[str, bytes]:
    return {one.annotation_id: one.label for one in labels}


def _due(labels: Iterable[Any]) -> Iterator[str]:
    """Yield the units that must have been decided: two labels agree, or as many are there as there may be."""
    by_unit: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
    for one in labels:
        by_unit[one.unit_id][one.label] += 1
    for unit_id, said in by_unit.items():
        if max(said.values()) >= 2 or said.total() >= 3:
            yield unit_id


def _counted(labels: Iterable[Any], counted: Mapping[str, int]) -> Tally:
    told = Counter(one.metadata.project_id for one in labels)
    lost = sum(max(0, count - counted.get(project_id, 0)) for project_id, count in told.items())
    doubled = sum(max(0, count - told[project_id]) for project_id, count in counted.items())
    return Tally(told.total(), lost, doubled)


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
        strange = [blow for blow in blows if not any(_meets(blow, one) for one in own)]
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
    own = [one for one in blows if one.service == blow.service]
    window = _window(blow)
    return (
        notebook.longest_wait(asked, _unmoved(blow, own), *window),
        notebook.longest_wait(asked, blow.had, *window),
    )


def _window(blow: Blow) -> tuple[float, float]:
    return blow.began, max(blow.began + WINDOW_SECONDS, blow.ready)


def _meets(one: Blow, other: Blow) -> bool:
    (begin, end), (since, until) = _window(one), _window(other)
    return begin < until and since < end


def _unmoved(blow: Blow, own: Iterable[Blow]) -> list[str]:
    """Return the projects that this blow left where they were, and no other one of about that time moved."""
    moved = {project for one in own if _meets(one, blow) for project in one.had}
    return [project for project in blow.others if project not in moved]


def late(found: Mapping[str, Waits], several: Iterable[str], killed: bool) -> list[str]:
    """Return, as sentences, who waited longer than anybody may."""
    back = BACK_SECONDS_MAX if killed else WAIT_SECONDS_MAX
    said = []
    for service in several:
        one = found[service]
        for what, seconds, most in (
            ("a project of a process that lived", max(one.kept, one.beside), WAIT_SECONDS_MAX),
            ("a project of the process that ended", one.moved, back),
        ):
            if seconds > most:
                told = "for ever" if seconds == math.inf else f"{seconds:.1f} s"
                said.append(f"{service}: {what} waited {told}, and may {most:g} s")
    return said
