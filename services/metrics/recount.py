"""A project's figures anew, from what the topics hold: one pass over all of it, and then the batch functions.

It shares nothing with what counts live: no rows, no sums, no books, no surveys. What one event is to say is stated here
a second time, as plainly as it can be, so that the two can be held against each other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np

from concord.chassis.projects import steps_told
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, LOTS, PROJECTS, RESOLUTIONS, UNITS, Topic
from concord.labels import LabelSchema, decoded, schema_from
from concord.labels.form import Form, answers_in
from concord.labels.versions import Versions
from concord.quality.cohen import cohen_kappa
from concord.quality.estimate import Estimate
from concord.quality.tally import LabelTally, label_row
from services.metrics.domain.agreement import agreement, classes_of, coefficients
from services.metrics.domain.by_version import VERSIONS_MAX
from services.metrics.domain.standing import AS_GIVEN, names_of

READ: Sequence[Topic] = (PROJECTS, UNITS, ANNOTATIONS, ASSIGNMENTS, RESOLUTIONS, LOTS)
RANKS = {"escalated": 1, "consensus_reached": 2, "adjudicated": 3, "ruled_unanswerable": 4}
FINAL = frozenset(RANKS) - {"escalated"}
TOO_LATE_US = 60_000_000
"""What is given so long after a unit's lot was accepted counts nowhere."""
ORDERED = frozenset({"ordinal", "interval"})

Figures = dict[str, float | None]


@dataclass(slots=True)
class _Annotation:
    annotator_id: str = ""
    label: str = ""
    revision: int = -1
    at_us: int = 0
    times: tuple[int, int] = (0, 0)
    late: bool = False
    schema_version: int = 1


@dataclass(slots=True)
class _Unit:
    admitted: bool = False
    gold: str = ""
    asked: int = 0
    erased: bool = False
    times: tuple[int, int] = (0, 0)
    said: defaultdict[str, _Annotation] = field(default_factory=lambda: defaultdict(_Annotation))
    settled: tuple[tuple[int, int], int, int] = ((0, 0), 0, 0)
    gold_said: tuple[int, str, str, int] = (0, "", "", 0)


@dataclass(slots=True)
class _Lot:
    unit_ids: Sequence[str] = ()
    accepted_at_us: int = 0
    inspected: int = 0
    errors: int = 0
    rejections: set[int] = field(default_factory=set)


class Recount:
    """Takes a project's events, in any order and however often, and counts them at the end.

    Args:
        project_id: whose; of others nothing is taken.
    """

    def __init__(self, project_id: str) -> None:
        self.project_id = project_id
        self.events = 0
        self._revision = -1
        self._schema: LabelSchema | None = None
        self._names = AS_GIVEN
        self._versions: Versions | None = None
        self._units: defaultdict[str, _Unit] = defaultdict(_Unit)
        self._lots: defaultdict[str, _Lot] = defaultdict(_Lot)

    def take(self, event: Any) -> None:
        """Take an event of any of READ."""
        if event.metadata.project_id != self.project_id:
            return
        self.events += 1
        kind = event.WhichOneof("event")
        lot: Any = getattr(event, kind) if kind else None
        at_us = event.metadata.occurred_at_us
        match kind:
            case "project_defined" if lot.revision > self._revision:
                self._revision, self._schema = lot.revision, schema_from(decoded(lot.label_schema))
                self._versions = Versions(self._schema, steps_told(lot))
                self._names = names_of(self._versions)
            case "unit_admitted" if not (unit := self._units[lot.unit_id]).admitted:
                unit.admitted, unit.gold, unit.asked = True, lot.gold_label.decode(), lot.overlap_initial
            case "unit_erased" | "gold_flagged" | "gold_ruled":
                self._of_unit(kind, lot)
            case "lot_sealed":
                self._lots[lot.lot_id].unit_ids = self._lots[lot.lot_id].unit_ids or tuple(lot.unit_ids)
            case "annotation_submitted" | "annotation_revised":
                self._annotation(lot, at_us, is_first=kind == "annotation_submitted")
            case "assignment_issued":
                self._sent_back(lot.unit_id, lot.rework)
            case "escalated" | "consensus_reached" | "adjudicated" | "ruled_unanswerable" | "referred_back":
                self._settled(kind, lot)
            case "lot_accepted" | "lot_rejected":
                self._verdict(lot, at_us, accepted=kind == "lot_accepted")

    def _annotation(self, annotation: Any, at_us: int, *, is_first: bool) -> None:
        earlier = self._units[annotation.unit_id].said[annotation.annotation_id]
        if is_first or earlier.revision < 0:
            earlier.times = annotation.rework, annotation.referral
            earlier.late = is_first and annotation.late
            earlier.schema_version = max(1, annotation.schema_version)
            earlier.at_us = at_us if is_first else annotation.submitted_at_us or at_us
            self._sent_back(annotation.unit_id, *earlier.times)
        revision = 0 if is_first else annotation.revision
        if revision > earlier.revision:
            earlier.annotator_id, earlier.label, earlier.revision = (
                annotation.annotator_id,
                annotation.label.decode(),
                revision,
            )

    def _settled(self, kind: str, settled: Any) -> None:
        times = settled.rework, len(settled.referrals) if kind in FINAL else settled.referral
        self._sent_back(settled.unit_id, *times)
        unit = self._units[settled.unit_id]
        if kind in RANKS and (times, RANKS[kind]) > unit.settled[:2]:
            unit.settled = times, RANKS[kind], settled.overlap_initial

    def _of_unit(self, kind: str, event: Any) -> None:
        unit = self._units[event.unit_id]
        if kind == "unit_erased":
            unit.erased = True
            return
        word = event.outcome if kind == "gold_ruled" else "flagged"
        label = event.known_label.decode() if word == "corrected" else ""
        since = event.schema_version if kind == "gold_ruled" else 0
        unit.gold_said = max(unit.gold_said, (event.revision, word, label, since))

    def _sent_back(self, unit_id: str, rework: int, referral: int = 0) -> None:
        self._units[unit_id].times = max(self._units[unit_id].times, (rework, referral))

    def _verdict(self, verdict: Any, at_us: int, *, accepted: bool) -> None:
        lot = self._lots[verdict.lot_id]
        if not accepted:
            lot.rejections.add(verdict.rework)
            if verdict.on_reject == "relabel":
                for unit_id in verdict.unit_ids:
                    self._sent_back(unit_id, verdict.rework + 1)
        elif not lot.accepted_at_us:
            lot.accepted_at_us, lot.inspected, lot.errors = at_us, verdict.inspected, verdict.errors

    def figures(self) -> Figures:
        """Return what all of it comes to, by name.

        Raises:
            ValueError: the project was never defined.
        """
        if self._schema is None:
            raise ValueError(f"{self.project_id} is not defined in what was read")
        accepted = {
            unit_id: lot.accepted_at_us for lot in self._lots.values() for unit_id in lot.unit_ids if lot.accepted_at_us
        }
        kept = {
            unit_id: [
                annotation
                for annotation in unit.said.values()
                if annotation.revision >= 0 and not 0 < accepted.get(unit_id, 0) < annotation.at_us - TOO_LATE_US
            ]
            for unit_id, unit in self._units.items()
        }
        found: Figures = {"annotations": sum(map(len, kept.values()))}
        found |= self._of_gold(self._schema, kept)
        found |= self._of_units(self._schema, kept)
        return found | self._of_lots()

    def _of_gold(self, schema: LabelSchema, kept: Mapping[str, Sequence[_Annotation]]) -> Figures:
        text = self._names.text
        answers = [
            (text(unit.gold_said[2] or unit.gold), text(annotation.label))
            for unit_id, unit in self._units.items()
            if unit.gold and not unit.erased and unit.gold_said[1] not in ("flagged", "retired")
            if text(unit.gold_said[2] or unit.gold) not in self._names.aside
            for annotation in kept[unit_id]
            if annotation.schema_version >= unit.gold_said[3]
        ]
        right = sum(schema.says_same(decoded(gold.encode()), decoded(label.encode())) for gold, label in answers)
        return {"gold_annotations": len(answers), "gold_correct": right}

    def _of_units(self, schema: LabelSchema, kept: Mapping[str, Sequence[_Annotation]]) -> Figures:
        settlements: Counter[int] = Counter()
        counted, first = 0, []
        for unit_id, unit in self._units.items():
            if unit.gold or unit.erased:
                continue
            counted += len(_voices(kept[unit_id], unit.times))
            # Before an adjudicator had a word in it: what was said then counts no more, and was said unseen.
            voices = _voices(kept[unit_id], (unit.times[0], 0))
            times, rank, asked_then = unit.settled
            settled_now = rank and times == unit.times
            settlements[rank if settled_now else 0] += 1
            asked = (asked_then if settled_now else 0) or unit.asked
            if settled_now and rank == RANKS["ruled_unanswerable"]:
                asked = 0  # on what has no right label nobody agrees
            if asked and len(voices) >= asked:
                first.append(voices[:asked])
        found: Figures = {
            "annotations_counted": counted,
            "units_escalated": settlements[1],
            "units_consensus": settlements[2],
            "units_adjudicated": settlements[3],
            "units_unanswerable": settlements[4],
        }
        read = [[(each.annotator_id, self._names.text(each.label)) for each in unit] for unit in first]
        return found | _agreements(schema, read) | self._under_versions(first)

    def _under_versions(self, units: Sequence[Sequence[_Annotation]]) -> Figures:
        """Return agreement under each version of the schema, of the units whose labels were all given under it."""
        if self._versions is None or self._versions.present == 1:
            return {}
        of_unit = [{annotation.schema_version for annotation in unit} for unit in units]
        found: Figures = {"units_of_several_versions": sum(len(versions) > 1 for versions in of_unit)}
        for version in range(max(1, self._versions.present - VERSIONS_MAX + 1), self._versions.present + 1):
            under = [unit for unit, given in zip(units, of_unit, strict=True) if given == {version}]
            tally = _tally([(annotation.annotator_id, annotation.label) for annotation in unit] for unit in under)
            alpha, shared = agreement(tally, self._versions.offered(version))
            found |= estimated(f"schema {version}: alpha", alpha)
            found |= estimated(f"schema {version}: percent_agreement", shared)
        return found

    def _of_lots(self) -> Figures:
        accepted = [lot for lot in self._lots.values() if lot.accepted_at_us]
        return {
            "lots.sealed": sum(bool(lot.unit_ids) for lot in self._lots.values()),
            "lots.accepted": len(accepted),
            "lots.rejections": sum(len(lot.rejections) for lot in self._lots.values()),
            "lots.inspected": sum(lot.inspected for lot in accepted),
            "lots.errors": sum(lot.errors for lot in accepted),
        }


def estimated(name: str, found: Estimate) -> Figures:
    """Return an estimate as figures."""
    return {name: found.value, f"{name}.low": found.low, f"{name}.high": found.high, f"{name}.units": found.units}


Voices = Sequence[tuple[str, str]]


def _agreements(schema: LabelSchema, units: Sequence[Voices]) -> Figures:
    tally = _tally(units)
    alpha, shared = agreement(tally, schema)
    beside = coefficients(tally, schema)
    found = {**estimated("alpha", alpha), **estimated("percent_agreement", shared)}
    found |= {**estimated("fleiss_kappa", beside.fleiss_kappa), **estimated("gwet_ac1", beside.gwet_ac1)}
    if not isinstance(schema, Form):
        return found | _pairs("", schema, units)
    for asked in schema.fields:
        answers = [[(who, answer) for who, label in unit if (answer := _answer(label, asked.name))] for unit in units]
        alpha, shared = agreement(_tally(answers), asked.schema)
        found |= estimated(f"{asked.name}: alpha", alpha) | estimated(f"{asked.name}: percent_agreement", shared)
        found |= _pairs(f"{asked.name}: ", asked.schema, answers)
    return found


def _answer(label: str, name: str) -> str:
    return (answers_in(label) or {}).get(name, "")


def _tally(units: Iterable[Voices]) -> LabelTally:
    tally = LabelTally()
    for unit in units:
        tally.add(label_row([label for _, label in unit]))
    return tally


def _pairs(before: str, schema: LabelSchema, units: Iterable[Voices]) -> Figures:
    classes = classes_of(schema)
    if not classes:
        return {}
    both: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for unit in units:
        for left, other in combinations(sorted(unit), 2):
            both[left[0], other[0]].append((left[1], other[1]))
    weights: Literal["identity", "quadratic"] = "quadratic" if schema.alpha_metric in ORDERED else "identity"
    found: Figures = {}
    for (first, second), labels in both.items():
        places = {label: place for place, label in enumerate([*classes, *sorted({*sum(labels, ())} - {*classes})])}
        table = np.zeros((len(places), len(places)))
        for of_first, of_second in labels:
            table[places[of_first], places[of_second]] += 1
        found |= estimated(pair_name(before, first, second), cohen_kappa(table, weights))
    return found


def pair_name(before: str, first: str, second: str) -> str:
    """Return what the kappa of two annotators is called; `before` names the field."""
    return f"{before}kappa of {first} and {second}"


def _voices(kept: Sequence[_Annotation], times: tuple[int, int]) -> list[_Annotation]:
    """Return what counts of one time that a unit was given out, each annotator's last word in the first one's place."""
    voices: dict[str, _Annotation] = {}
    in_time = [annotation for annotation in kept if annotation.times == times and not annotation.late]
    for annotation in sorted(in_time, key=lambda each: (each.at_us, each.annotator_id, each.label)):
        voices[annotation.annotator_id] = annotation
    return list(voices.values())
