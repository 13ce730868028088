"""Judgements on lots, counted anew: from the order of the sample and what auditors said of each unit in it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from simulation.checkers.plans import Plan, verdict
from simulation.evidence import Evidence, Kept, Said
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

    told: Said
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
            if self.plan is not None and (said := verdict(self.plan, inspected, errors)) != "continue":
                return said, inspected, errors
        return "accept", inspected, errors


def judgements(notebook: Notebook, evidence: Evidence) -> Iterator[Judgement]:
    """Yield every judgement that was told, with what it was made on."""
    told = {one.metadata.event_id: one for one in evidence.said if one.kind in ("lot_accepted", "lot_rejected")}
    audited = evidence.by_id("unit_audited", "unit_id")
    last: Kept | None = None
    for one in evidence.kept.get("audit", ()):
        before, last = last, one
        if "/lot/" not in one.aggregate:
            continue
        for event in one.events:
            said = told.get(evidence.event_id(event["topic"], event["value"]))
            if said is not None and before is not None and before.aggregate == one.aggregate:
                yield _judgement(notebook, said, before.state, one.state, audited)


def _judgement(
    notebook: Notebook, told: Said, before: dict[str, Any], after: dict[str, Any], audited: dict[str, list[Said]]
) -> Judgement:
    rework, gone = before.get("rework", 0), {*before.get("withdrawn", ()), *before.get("unanswerable", ())}
    order = [before["unit_ids"][place] for place in before.get("order", ()) if place not in gone]
    plan = Plan.of(before["plan"]) if before.get("plan") and before["status"] == "auditing" else None
    heard = {
        unit_id: said
        for unit_id in order
        for said in audited.get(unit_id, ())
        if said.content.rework == rework and not said.content.late and said.content.lot_id == before["lot_id"]
    }
    verdicts = {unit_id: right(notebook, said) for unit_id, said in heard.items()}
    return Judgement(told, before, after, order, plan, verdicts, {one: by_field(said) for one, said in heard.items()})


def by_field(said: Said) -> dict[str, bool]:
    """Return of each field that the label or the auditor answers whether both say the same; nothing of other labels."""
    label, own = json.loads(said.content.resolved_label), json.loads(said.content.audited_label)
    if not isinstance(label, dict):
        return {}
    one, other = label["answers"], own["answers"]
    # None of the form's fields has a tolerance, its grade neither: numbers of the town that have one are whole labels.
    return {name: name in one and name in other and one[name] == other[name] for name in {**one, **other}}


def right(notebook: Notebook, said: Said) -> bool:
    """Return whether an auditor found a label right, by the town's own tolerance.

    Two classes that were merged say the same since: of labels that only then came to, it is as was told at its time.
    """
    labels = json.loads(said.content.resolved_label), json.loads(said.content.audited_label)
    now = [notebook.read(said.metadata.project_id, one) for one in labels]
    return says_same(*labels) or (says_same(*now) and said.content.correct)
