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
    for said in evidence.events("unit_audited"):
        if said.content.correct != right(notebook, said):
            yield f"the verdict on {said.content.unit_id} is told as correct={said.content.correct}"
    found = list(judgements(notebook, evidence))
    told = {one.metadata.event_id for kind in ("lot_accepted", "lot_rejected") for one in evidence.events(kind)}
    if missing := told - {one.told.metadata.event_id for one in found}:
        yield f"{len(missing)} judgements on lots follow on nothing that is kept"
    for one in found:
        where = (
            f"lot {one.before['lot_id']} was {one.told.kind.removeprefix('lot_')} in rework {one.told.content.rework}"
        )
        verdict, inspected, errors = one.recounted()
        if (verdict == "accept") != one.accepted or verdict == "continue":
            yield f"{where}, and its plan says {verdict} after {inspected} units with {errors} errors"
        elif (inspected, errors) != (one.told.content.inspected, one.told.content.errors):
            said_of = f"{one.told.content.inspected} units with {one.told.content.errors} errors"
            yield f"{where} on {said_of}, and a recount gives {inspected} with {errors}"
        elif not one.accepted and abs(one.told.content.label_error_rate - errors / inspected) > TOLD:
            yield f"{where} at a rate of {one.told.content.label_error_rate}, and {errors} of {inspected} were wrong"
        policies = [one["policy"]["audit"] for one in notebook.definitions[one.told.metadata.project_id]]
        yield from _planned_as_wished(where, one, policies)


def _planned_as_wished(where: str, one: Judgement, policies: list[dict[str, Any]]) -> Iterator[str]:
    """The plan is one that the project's policy wished for once, made for the units that there were, and it keeps."""
    if one.before.get("plan") is not None:
        plan = Plan.of(one.before["plan"])
        wished = [{**RISKS_BY_DEFAULT, **policy} for policy in policies]
        if not any(_same(plan, policy) for policy in wished):
            yield f"{where} by a plan that nobody wished for: {plan}"
        if not risks_kept(plan):
            yield f"{where} by a plan that does not keep its risks: {plan}"
        if plan.lot_units < len(one.order):
            yield f"{where} by a plan for {plan.lot_units} units, and it has {len(one.order)}"
    if one.told.kind == "lot_rejected" and one.told.content.on_reject == "relabel":
        most = max({**RISKS_BY_DEFAULT, **policy}["rejections_max"] for policy in policies)
        if one.before.get("rejections", 0) >= most:
            yield f"{where} and sent back, after {one.before['rejections']} rejections of {most} that it may have"


def _same(plan: Plan, policy: dict[str, Any]) -> bool:
    return plan.kind == policy["plan"] and all(abs(getattr(plan, name) - policy[name]) < TOLD for name in RISKS)
