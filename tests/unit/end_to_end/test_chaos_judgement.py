"""The judge of a chaos run finds what is planted: what is lost or doubled of all that was acknowledged or told."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotEvent, UnitAudited
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import Adjudicated, ConsensusReached, ResolutionEvent
from concord.contracts.v1.resolutions_pb2 import Evidence as Said
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from tests.end_to_end.chaos.judgement import Waits, late, tallies, waits
from tests.end_to_end.chaos.notebook import WAITING, Ask, Notebook
from tests.end_to_end.chaos.trouble import Blow
from tests.end_to_end.judge import Evidence

PROJECT = "k-p"
_numbers = itertools.count()


def say(evidence: Evidence, topic: str, envelope: Any) -> None:
    envelope.metadata.CopyFrom(Metadata(event_id=f"event-{next(_numbers)}", project_id=PROJECT))
    evidence.said[f"concord.{topic}.v1"].append((0, envelope))


def annotation(number: int, who: str, label: bytes = b'"a"') -> AnnotationEvent:
    submitted = AnnotationSubmitted(
        annotation_id=f"{number}-{who}", unit_id=f"u{number}", annotator_id=who, label=label
    )
    return AnnotationEvent(annotation_submitted=submitted)


def reached(number: int, *evidence: str) -> ResolutionEvent:
    parts = [Said(annotation_id=f"{number}-{who}", label=b'"a"') for who in evidence]
    return ResolutionEvent(consensus_reached=ConsensusReached(unit_id=f"u{number}", label=b'"a"', evidence=parts))


def admitted(number: int, source: str = "") -> UnitEvent:
    return UnitEvent(unit_admitted=UnitAdmitted(unit_id=f"u{number}", source_id=source or f"s{number}"))


class Run:
    """Two units, one settled by two people and one by an adjudicator, both in a lot and audited."""

    def __init__(self) -> None:
        self.evidence, self.notebook, self.counted = Evidence(), Notebook(), {PROJECT: 4}
        for number in range(2):
            say(self.evidence, "units", admitted(number))
            self.notebook.units[f"u{number}"] = f"p/s{number}"
            for who in ("ann", "bob"):
                say(self.evidence, "annotations", annotation(number, who))
                self.notebook.labels[f"{number}-{who}"] = (f"u{number}", who)
            say(self.evidence, "lots", LotEvent(unit_audited=UnitAudited(unit_id=f"u{number}")))
            self.notebook.verdicts.add(f"u{number}")
        say(self.evidence, "resolutions", reached(0, "ann", "bob"))
        say(self.evidence, "resolutions", ResolutionEvent(adjudicated=Adjudicated(unit_id="u1")))
        self.notebook.rulings["u1"] = "a"
        say(self.evidence, "units", UnitEvent(lot_sealed=LotSealed(lot_id="l", unit_ids=["u0", "u1"])))

    def found(self) -> dict[str, tuple[int, int]]:
        """Return what was lost and doubled, by what it is of."""
        body = tallies(self.evidence, self.notebook, self.counted)
        return {name: (tally.lost, tally.doubled) for name, tally in body.items() if tally.lost or tally.doubled}

    def also(self, topic: str, *envelopes: Any) -> None:
        for envelope in envelopes:
            say(self.evidence, topic, envelope)


again = AnnotationSubmitted(annotation_id="x", unit_id="u0", annotator_id="ann")
PLANTED: dict[str, tuple[Callable[[Run], object], dict[str, tuple[int, int]]]] = {
    "a unit that nobody told": (lambda run: run.notebook.units.update(u9="p/s9"), {"units": (1, 0)}),
    "a unit told twice": (
        lambda run: run.also("units", admitted(0)),
        {"units": (0, 1), "clients' own ids of units": (0, 1)},
    ),
    "one source as two units": (
        lambda run: run.also("units", admitted(5, "s0")),
        {"clients' own ids of units": (0, 1)},
    ),
    "a label that nobody told": (
        lambda run: run.notebook.labels.update({"1-cat": ("u1", "cat")}),
        {"labels": (1, 0), "labels of a person and unit": (1, 0)},
    ),
    "a person who labels a unit twice": (
        lambda run: run.also(
            "annotations",
            AnnotationEvent(annotation_submitted=again),
        ),
        {"labels of a person and unit": (0, 1), "labels that metrics counts": (1, 0)},
    ),
    "a unit that two agree on and nobody decides": (
        lambda run: run.also("annotations", annotation(2, "ann"), annotation(2, "bob")),
        {"decisions that are due": (1, 0), "labels that metrics counts": (2, 0)},
    ),
    "a unit decided twice": (
        lambda run: run.also("resolutions", reached(0, "ann", "bob")),
        {"resolutions of a unit": (0, 1)},
    ),
    "a resolution by a label that nobody gave": (
        lambda run: run.also("resolutions", reached(7, "cat")),
        {"labels behind resolutions": (1, 0)},
    ),
    "a resolution that counts a label twice": (
        lambda run: run.also("resolutions", reached(7, "ann", "ann")),
        {"labels behind resolutions": (2, 1)},
    ),
    "a ruling that nobody told": (lambda run: run.notebook.rulings.update(u0="a"), {"rulings": (1, 0)}),
    "a unit in two lots": (
        lambda run: run.also("units", UnitEvent(lot_sealed=LotSealed(lot_id="m", unit_ids=["u0"]))),
        {"units in lots": (0, 1)},
    ),
    "a verdict that nobody told": (lambda run: run.notebook.verdicts.add("u9"), {"verdicts": (1, 0)}),
    "a label that metrics counts twice": (
        lambda run: run.counted.update({PROJECT: 5}),
        {"labels that metrics counts": (0, 1)},
    ),
}


def test_a_run_in_which_all_is_well_has_no_fault() -> None:
    assert Run().found() == {}


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_lost_or_doubled_is_found(what: str) -> None:
    run = Run()
    plant, found = PLANTED[what]
    plant(run)
    assert run.found() == found


def blow(began: float, had: list[str], others: list[str]) -> Blow:
    return Blow("assign", "assign-1", began, began + 8, had, others)


def test_the_longest_wait_is_told_of_projects_that_stayed_that_moved_and_of_other_services() -> None:
    notebook = Notebook()
    notebook.asks["assign", "moved"] = [Ask(90, 100.1), Ask(101, 112.5)]
    notebook.asks["assign", "stayed"] = [Ask(99, 101.5), Ask(300, 309)]
    notebook.asks["audit", "stayed"] = [Ask(100.5, 101.25)]
    found = waits(notebook, [blow(100, ["moved"], ["stayed"])], ("assign", "audit"), ["moved", "stayed"])
    assert found == {"assign": Waits(1, 1.5, 11.5, 0.0), "audit": Waits(0, 0.0, 0.0, 0.75)}
    assert late(found, found, killed=True) == []
    (text,) = late(found, found, killed=False)
    assert text == "assign: a project of the process that ended waited 11.5 s, and may 2 s"


def test_who_is_never_answered_is_late_however_long_others_may_wait() -> None:
    notebook = Notebook()
    notebook.asks["assign", "stayed"] = [Ask(101, float("inf"))]
    found = waits(notebook, [blow(100, ["moved"], ["stayed"])], ("assign",), ["moved", "stayed"])
    assert late(found, found, killed=True) == ["assign: a project of a process that lived waited for ever, and may 2 s"]


WHO = "assign" + WAITING


def test_whoever_waits_for_work_is_late_only_where_nobody_lets_them_wait_or_their_patience_is_over() -> None:
    notebook = Notebook()
    notebook.waited(WHO, "stayed", "a claim", turned_away=95, taken_in=95, due=101, answered=101)
    notebook.waited(WHO, "stayed", "a claim", turned_away=101, taken_in=101, due=107, answered=103)
    notebook.waited(WHO, "moved", "a claim", turned_away=100.25, taken_in=109, due=106, answered=109.5)
    found = waits(notebook, [blow(100, ["moved"], ["stayed"])], ("assign", WHO), ["moved", "stayed"])
    assert found == {"assign": Waits(1, 0.0, 0.0, 0.0), WHO: Waits(1, 0.0, 8.75, 0.0)}
    assert late(found, found, killed=True) == []
    (text,) = late(found, found, killed=False)
    assert text == "assign, who wait: a project of the process that ended waited 8.8 s, and may 2 s"


def test_an_answer_long_after_patience_ended_is_late_though_nobody_was_turned_away() -> None:
    notebook = Notebook()
    notebook.waited(WHO, "stayed", "a claim", turned_away=99, taken_in=99, due=105, answered=108)
    found = waits(notebook, [blow(100, ["moved"], ["stayed"])], (WHO,), ["moved", "stayed"])
    assert found == {WHO: Waits(1, 3.0, 0.0, 0.0)}
    assert late(found, found, killed=True) == [
        "assign, who wait: a project of a process that lived waited 3.0 s, and may 2 s"
    ]


def test_whoever_waits_and_is_let_in_by_nobody_is_late_for_ever() -> None:
    notebook, never = Notebook(), float("inf")
    notebook.waited(WHO, "moved", "a claim", turned_away=100.5, taken_in=never, due=105, answered=never)
    found = waits(notebook, [blow(100, ["moved"], ["stayed"])], (WHO,), ["moved", "stayed"])
    assert late(found, found, killed=True) == [
        "assign, who wait: a project of the process that ended waited for ever, and may 13 s"
    ]
