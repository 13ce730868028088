"""Definitions: what of them cannot stand, and what a project is after one."""

from collections.abc import Iterator
from typing import Any

import msgspec

from concord.labels.schema_change import SchemaChange
from concord.quality.qualification import units_least
from services.ingest.domain.conduct import ranges
from services.ingest.domain.guideline import guideline_faults, is_new_version
from services.ingest.domain.life import revised
from services.ingest.domain.project import (
    CAP_UNITS_MAX,
    CONFIDENCE,
    CONFIDENCE_HIGH,
    CONFIDENCE_LOW,
    GUIDELINE_VERSIONS_MAX,
    LOT_SIZE_MAX,
    NAME_CHARACTERS_MAX,
    NOBODY,
    OPEN_UNITS_MAX,
    OVERLAP_MAX,
    PRICE_HIGH,
    PRICE_LOW,
    QUOTA_MAX,
    QUOTAS_MAX,
    RECHECK_PAUSE_HOURS_MAX,
    RECHECK_UNITS_MAX,
    REJECTIONS_MAX,
    REPEAT_INSPECTIONS_HIGH,
    REPEAT_RULINGS_HIGH,
    SEED_CHARACTERS_MAX,
    STRATUM_CHARACTERS_MAX,
    WRONG_LOW,
    Audit,
    Author,
    Consensus,
    Definition,
    Fault,
    Policy,
    Prices,
    ProjectNotOpen,
    ProjectRefused,
    ProjectState,
    Sampling,
    Targets,
)
from services.ingest.domain.schema_versions import with_schema

RADIUS_UNITS_MAX = 500
RADIUS_SHARE_HIGH = 0.5


def defined(
    state: ProjectState | None, client_id: str, project_id: str, definition: Definition, author: Author = NOBODY
) -> ProjectState | None:
    """Return the project as defined now; None when it says what was said before.

    Raises:
        ProjectRefused: a field is out of its range, or the label schema does not follow from the one before.
        ProjectNotOpen: it is closed.
    """
    faults = definition_faults(definition)
    change, definition = definition.schema_change, msgspec.structs.replace(definition, schema_change=None)
    schema: dict[str, Any] = {}
    if state is not None:
        try:
            definition, schema = with_schema(state, definition, change or SchemaChange())
        except ProjectRefused as refused:
            faults += refused.errors
    elif change is not None:
        faults.append(Fault("schema_change", "is of a project that there is not", "leave it out of a first definition"))
    if faults:
        raise ProjectRefused(faults)
    if state is None:
        return ProjectState(project_id, client_id, 1, 1, definition, changed_by=author.subject, changed_as=author.role)
    if state.definition == definition:
        return None
    if state.life == "closed":
        raise ProjectNotOpen(state.life, state.life_reason)
    if not is_new_version(state.definition, definition):
        return revised(state, author, definition=definition, **schema)
    if state.guideline_version >= GUIDELINE_VERSIONS_MAX:
        problem = f"was changed {GUIDELINE_VERSIONS_MAX} times"
        raise ProjectRefused([Fault("guideline", problem, "define a new project, or leave the guideline as it is")])
    version, versions_from = state.guideline_version + 1, (*state.versions_from, state.revision + 1)
    guideline = {"guideline_version": version, "versions_from": versions_from}
    return revised(state, author, definition=definition, **guideline, **schema)


def definition_faults(definition: Definition) -> list[Fault]:
    """Return what is out of range in a definition, by field."""
    faults = [*policy_faults(definition.policy), *target_faults(definition.targets)]
    if len(definition.name) > NAME_CHARACTERS_MAX:
        cure = f"send at most {NAME_CHARACTERS_MAX} characters"
        faults.append(Fault("name", f"has {len(definition.name)} characters", cure))
    return [*faults, *guideline_faults(definition)]


def policy_faults(policy: Policy) -> Iterator[Fault]:
    """Yield what is out of range in a policy, by field."""
    yield from _within("policy.overlap.initial", policy.overlap.initial, 1, OVERLAP_MAX)
    yield from _within("policy.overlap.max", policy.overlap.max, policy.overlap.initial, OVERLAP_MAX)
    yield from consensus_faults(policy.consensus)
    yield from _within("policy.gold.rate", policy.gold.rate, 0, 1)
    yield from _within("policy.gold.qualify_units_max", policy.gold.qualify_units_max, 1, 1_000)
    yield from _within("policy.gold.pass_accuracy", policy.gold.pass_accuracy, 0, 1)
    yield from _within("policy.gold.retrain_units", policy.gold.retrain_units, 0, 100)
    yield from _within("policy.gold.attempts_max", policy.gold.attempts_max, 1, 100)
    yield from _within("policy.gold.candidate_labels_min", policy.gold.candidate_labels_min, 0, 100)
    yield from _within("policy.gold.candidate_confidence_min", policy.gold.candidate_confidence_min, 0.5, 1)
    yield from _within("policy.gold.exposures_max", policy.gold.exposures_max, 0, 1_000_000)
    yield from _within("policy.gold.stale_days", policy.gold.stale_days, 0, 3_650)
    if policy.gold.retrain_units and policy.gold.qualify == "no":
        problem = f"is {policy.gold.retrain_units}, and nobody is asked to qualify"
        yield Fault("policy.gold.retrain_units", problem, "send 0, or once or each_version for gold.qualify")
    if policy.gold.qualify != "no" and policy.gold.qualify_units_max < (
        least := units_least(policy.gold.pass_accuracy)
    ):
        problem = f"is {policy.gold.qualify_units_max}, and pass_accuracy is reached after {least} without a mistake"
        yield Fault("policy.gold.qualify_units_max", problem, f"send {least} or more, or a lower pass_accuracy")
    yield from _within("policy.sampling.rate", policy.sampling.rate, 0, 1)
    yield from _within("policy.sampling.uncertainty_min", policy.sampling.uncertainty_min, 0, 1)
    yield from quota_faults(policy.sampling)
    yield from _within("policy.suggestions.hidden_rate", policy.suggestions.hidden_rate, 0, 1)
    yield from _within("policy.lot.size", policy.lot.size, 1, LOT_SIZE_MAX)
    yield from _within("policy.lot.seal_after_seconds", policy.lot.seal_after_seconds, 1, 30 * 86_400)
    yield from _audit_faults(policy.audit)
    yield from _within("policy.lease.seconds", policy.lease.seconds, 0, 7 * 86_400)
    yield from _within("policy.lease.renewals_max", policy.lease.renewals_max, 0, 100)
    yield from _within("policy.fatigue.false_alarm_units", policy.fatigue.false_alarm_units, 10, 100_000)
    yield from _within("policy.fatigue.break_seconds", policy.fatigue.break_seconds, 0, 86_400)
    yield from _within("policy.fatigue.session_minutes_max", policy.fatigue.session_minutes_max, 1, 1_440)
    yield from _within("policy.caps.units_per_day", policy.caps.units_per_day, 0, CAP_UNITS_MAX)
    yield from _within("policy.caps.hours_per_day", policy.caps.hours_per_day, 0, 24)
    yield from _within("policy.caps.units", policy.caps.units, 0, CAP_UNITS_MAX)
    yield from model_faults(policy)
    for field, value, low, high in ranges(policy.pace, policy.skips):
        yield from _within(field, value, low, high)
    yield from _within("policy.priority", policy.priority, -1_000, 1_000)
    yield from _within("policy.deadline_seconds", policy.deadline_seconds, 0, 365 * 86_400)
    yield from _within("policy.max_open_units", policy.max_open_units, 0, OPEN_UNITS_MAX)


def _audit_faults(audit: Audit) -> Iterator[Fault]:
    yield from _within("policy.audit.fraction", audit.fraction, 0.001, 1)
    yield from _within("policy.audit.aql", audit.aql, 0.0001, 0.5)
    if not audit.aql < audit.ltpd < 1:
        yield Fault("policy.audit.ltpd", f"is {audit.ltpd}", f"send over aql ({audit.aql}) and under 1")
    yield from _within("policy.audit.alpha", audit.alpha, 0.0001, 0.5)
    yield from _within("policy.audit.beta", audit.beta, 0.0001, 0.5)
    yield from _within("policy.audit.rejections_max", audit.rejections_max, 0, REJECTIONS_MAX)
    yield from _within("policy.audit.recheck_units", audit.recheck_units, 0, RECHECK_UNITS_MAX)
    pause = audit.recheck_pause_hours
    yield from _within("policy.audit.recheck_pause_hours", pause, 1, RECHECK_PAUSE_HOURS_MAX)
    yield from _within("policy.audit.repeat_inspections", audit.repeat_inspections, 0, REPEAT_INSPECTIONS_HIGH)
    yield from _within("policy.audit.radius_units", audit.radius_units, 0, RADIUS_UNITS_MAX)
    yield from _within("policy.audit.radius_recheck_share", audit.radius_recheck_share, 0, RADIUS_SHARE_HIGH)


def model_faults(policy: Policy) -> Iterator[Fault]:
    """Yield what cannot stand in what models are to a project, by field."""
    field, humans_min, labels_max = "policy.models.humans_min", policy.models.humans_min, policy.overlap.max
    yield from _within(field, humans_min, 0, OVERLAP_MAX)
    if labels_max < humans_min <= OVERLAP_MAX:
        problem = f"is {humans_min}, and a unit has {labels_max} labels at most"
        yield Fault(field, problem, f"send {labels_max} or fewer, or a higher overlap.max")


def quota_faults(sampling: Sampling) -> Iterator[Fault]:
    """Yield what is out of range in the quotas and the seed, by field."""
    if len(sampling.seed) > SEED_CHARACTERS_MAX:
        yield Fault("policy.sampling.seed", "is too long", f"send at most {SEED_CHARACTERS_MAX} characters")
    if len(sampling.quotas) > QUOTAS_MAX:
        cure = f"send at most {QUOTAS_MAX}"
        yield Fault("policy.sampling.quotas", f"names {len(sampling.quotas)} strata", cure)
        return
    for stratum, quota in sampling.quotas.items():
        if not stratum or len(stratum) > STRATUM_CHARACTERS_MAX:
            cure = f"name strata by 1 to {STRATUM_CHARACTERS_MAX} characters"
            yield Fault("policy.sampling.quotas", f"names a stratum of {len(stratum)} characters", cure)
        yield from _within(f"policy.sampling.quotas.{stratum[:STRATUM_CHARACTERS_MAX]}", quota, 0, QUOTA_MAX)


def stated_whole(policy: Policy) -> Policy:
    """Return the policy with its confidence written out where it says how much may be wrong."""
    consensus = msgspec.structs.replace(policy.consensus, confidence=policy.consensus.settled_at)
    return msgspec.structs.replace(policy, consensus=consensus)


def consensus_faults(consensus: Consensus) -> Iterator[Fault]:
    """Yield what is out of range in the policy of consensus, by field."""
    yield from _within("policy.consensus.confidence", consensus.confidence, CONFIDENCE_LOW, CONFIDENCE_HIGH)
    yield from _within("policy.consensus.repeat_rulings", consensus.repeat_rulings, 0, REPEAT_RULINGS_HIGH)
    if consensus.prices is not None:
        yield from _price_faults(consensus, consensus.prices)
        return
    wrong = consensus.wrong_at_most
    if wrong is None:
        return
    field = "policy.consensus.wrong_at_most"
    yield from _within(field, wrong, WRONG_LOW, 1.0 - CONFIDENCE_LOW)
    if consensus.method == "majority":
        problem = "is a chance, and the majority's share of the labels is none"
        yield Fault(field, problem, "leave it out, or send method posterior")
    if consensus.confidence not in (CONFIDENCE, consensus.settled_at):
        problem = f"is {wrong}, and confidence {consensus.confidence} says another thing"
        yield Fault(field, problem, "send one of the two; confidence is 1 less wrong_at_most")


def _price_faults(consensus: Consensus, prices: Prices) -> Iterator[Fault]:
    field = "policy.consensus.prices"
    for name in ("label", "decision", "error"):
        price = getattr(prices, name)
        if not PRICE_LOW <= price <= PRICE_HIGH:
            yield Fault(f"{field}.{name}", f"is {price}", f"send a number from {PRICE_LOW:g} to {PRICE_HIGH:g}")
            return
    if consensus.method == "majority":
        problem = "are held against chances, and the majority's share of the labels is none"
        yield Fault(field, problem, "leave them out, or send method posterior")
    if consensus.wrong_at_most is not None or consensus.confidence not in (CONFIDENCE, consensus.settled_at):
        problem = "say when a unit is settled, and so does what else was sent"
        yield Fault(field, problem, "send prices, or confidence, or wrong_at_most")


def target_faults(targets: Targets) -> Iterator[Fault]:
    """Yield what is out of range in the targets, by field."""
    yield from _within("targets.alpha", targets.alpha, -1, 1)
    yield from _within("targets.label_error_rate", targets.label_error_rate, 0, 1)
    yield from _within("targets.audit_pass_rate", targets.audit_pass_rate, 0, 1)
    yield from _within("targets.turnaround_p95_seconds", targets.turnaround_p95_seconds, 1, 365 * 86_400)


def _within(field: str, value: float, low: float, high: float) -> Iterator[Fault]:
    if not low <= value <= high:
        yield Fault(field, f"is {value}", f"send a number from {low:g} to {high:g}")
