"""Acceptance and rejection, held against the lots' plans."""

from collections.abc import Iterator
from typing import Any

from simulation.checkers.judgements import Judgement, judgements, right
from simulation.checkers.plans import Plan, risks_kept
from simulation.evidence import Evidence
from simulation.notebook import Notebook

TOLD = 1e-9
RISKS = ("aql", "ltpd", "alpha", "beta")
RISKS_BY_DEFAULT = {"aql": 0.01, "ltpd": 0.05, "alpha": 0.05, "beta": 0.10, "rejections_max": 2}


def lots_are_judged_by_their_plans(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """A lot is accepted or rejected where its own plan says so, on the verdicts that were told, and neither before."""
    for event in evidence.events("unit_audited"):
        if event.content.correct != right(notebook, event):
            yield f"the verdict on {event.content.unit_id} is told as correct={event.content.correct}"
    found = list(judgements(notebook, evidence))
    judged = {entry.metadata.event_id for kind in ("lot_accepted", "lot_rejected") for entry in evidence.events(kind)}
    if missing := judged - {judgement.told.metadata.event_id for judgement in found}:
        yield f"{len(missing)} judgements on lots follow on nothing that is kept"
    for judgement in found:
        became = judgement.told.kind.removeprefix("lot_")
        where = f"lot {judgement.before['lot_id']} was {became} in rework {judgement.told.content.rework}"
        verdict, inspected, errors = judgement.recounted()
        if (verdict == "accept") != judgement.accepted or verdict == "continue":
            yield f"{where}, and its plan says {verdict} after {inspected} units with {errors} errors"
        elif (inspected, errors) != (judgement.told.content.inspected, judgement.told.content.errors):
            said_of = f"{judgement.told.content.inspected} units with {judgement.told.content.errors} errors"
            yield f"{where} on {said_of}, and a recount gives {inspected} with {errors}"
        elif not judgement.accepted and abs(judgement.told.content.label_error_rate - errors / inspected) > TOLD:
            rate = judgement.told.content.label_error_rate
            yield f"{where} at a rate of {rate}, and {errors} of {inspected} were wrong"
        policies = [
            definition["policy"]["audit"] for definition in notebook.definitions[judgement.told.metadata.project_id]
        ]
        yield from _planned_as_wished(where, judgement, policies)


def _planned_as_wished(where: str, judgement: Judgement, policies: list[dict[str, Any]]) -> Iterator[str]:
    """The plan is one that the project's policy wished for once, made for the units that there were, and it keeps."""
    if judgement.before.get("plan") is not None:
        plan = Plan.of(judgement.before["plan"])
        wished = [{**RISKS_BY_DEFAULT, **policy} for policy in policies]
        if not any(_same(plan, policy) for policy in wished):
            yield f"{where} by a plan that nobody wished for: {plan}"
        if not risks_kept(plan):
            yield f"{where} by a plan that does not keep its risks: {plan}"
        if plan.lot_units < len(judgement.order):
            yield f"{where} by a plan for {plan.lot_units} units, and it has {len(judgement.order)}"
    if judgement.told.kind == "lot_rejected" and judgement.told.content.on_reject == "relabel":
        most = max({**RISKS_BY_DEFAULT, **policy}["rejections_max"] for policy in policies)
        if judgement.before.get("rejections", 0) >= most:
            yield f"{where} and sent back, after {judgement.before['rejections']} rejections of {most} that it may have"


def _same(plan: Plan, policy: dict[str, Any]) -> bool:
    return plan.kind == policy["plan"] and all(abs(getattr(plan, name) - policy[name]) < TOLD for name in RISKS)
