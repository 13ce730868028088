"""Judgements on lots, counted anew: from the order of the sample and what auditors said of each unit in it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from simulation.checkers.plans import Plan, verdict
from simulation.evidence import Evidence, Kept, RecordedEvent
from simulation.notebook import Notebook
from simulation.wishes import says_same


class Judgement(NamedTuple):
    """One judgement that audit told of.

    Attributes:
        told: LotAccepted or LotRejected.
        before, after: the lot as the journal keeps it.
        order: its units in the order of inspection, but those that were erased or are unanswerable.
        plan: by which it was judged; None when no unit was left, or it was inspected whole.
        verdicts: by unit, whether it was found right in this rework, in time.
        fields: by unit of labels of several fields, of each that either answers, whether it was found right.
    """

    told: RecordedEvent
    before: dict[str, Any]
    after: dict[str, Any]
    order: list[str]
    plan: Plan | None
    verdicts: dict[str, bool]
    fields: dict[str, dict[str, bool]]

    @property
    def accepted(self) -> bool:
        """Whether the lot was accepted."""
        return self.told.kind == "lot_accepted"

    def recounted(self) -> tuple[str, int, int]:
        """Return the verdict, the units inspected and the errors that the plan comes to."""
        errors = inspected = 0
        for unit_id in self.order:
            right = self.verdicts.get(unit_id)
            if right is None:
                return "continue", inspected, errors
            inspected += 1
            errors += not right
            if self.plan is not None and (text := verdict(self.plan, inspected, errors)) != "continue":
                return text, inspected, errors
        return "accept", inspected, errors


def judgements(notebook: Notebook, evidence: Evidence) -> Iterator[Judgement]:
    """Yield every judgement that was told, with what it was made on."""
    verdicts = {
        entry.metadata.event_id: entry for entry in evidence.said if entry.kind in ("lot_accepted", "lot_rejected")
    }
    audited = evidence.by_id("unit_audited", "unit_id")
    last: Kept | None = None
    for kept in evidence.kept.get("audit", ()):
        before, last = last, kept
        if "/lot/" not in kept.aggregate:
            continue
        for event in kept.events:
            entry = verdicts.get(evidence.event_id(event["topic"], event["value"]))
            if entry is not None and before is not None and before.aggregate == kept.aggregate:
                yield _judgement(notebook, entry, before.state, kept.state, audited)


def _judgement(
    notebook: Notebook,
    entry: RecordedEvent,
    before: dict[str, Any],
    after: dict[str, Any],
    audited: dict[str, list[RecordedEvent]],
) -> Judgement:
    rework, gone = before.get("rework", 0), {*before.get("withdrawn", ()), *before.get("unanswerable", ())}
    order = [before["unit_ids"][place] for place in before.get("order", ()) if place not in gone]
    plan = Plan.of(before["plan"]) if before.get("plan") and before["status"] == "auditing" else None
    heard = {
        unit_id: item
        for unit_id in order
        for item in audited.get(unit_id, ())
        if item.content.rework == rework and not item.content.late and item.content.lot_id == before["lot_id"]
    }
    verdicts = {unit_id: right(notebook, item) for unit_id, item in heard.items()}
    return Judgement(
        entry, before, after, order, plan, verdicts, {item: by_field(element) for item, element in heard.items()}
    )


def by_field(entry: RecordedEvent) -> dict[str, bool]:
    """Return of each field that the label or the auditor answers whether both say the same; nothing of other labels."""
    label, own = json.loads(entry.content.resolved_label), json.loads(entry.content.audited_label)
    if not isinstance(label, dict):
        return {}
    item, other = label["answers"], own["answers"]
    # None of the form's fields has a tolerance, its grade neither: numbers of the town that have one are whole labels.
    return {name: name in item and name in other and item[name] == other[name] for name in {**item, **other}}


def right(notebook: Notebook, entry: RecordedEvent) -> bool:
    """Return whether an auditor found a label right, by the town's own tolerance.

    Two classes that were merged say the same since: of labels that only then came to, it is as was told at its time.
    """
    labels = json.loads(entry.content.resolved_label), json.loads(entry.content.audited_label)
    now = [notebook.read(entry.metadata.project_id, label) for label in labels]
    return says_same(*labels) or (says_same(*now) and entry.content.correct)
