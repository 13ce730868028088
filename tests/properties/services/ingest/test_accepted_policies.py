"""What ingest lets in, the others can live by: every field of a policy at both ends of its range, and beyond."""

import asyncio
import itertools
import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.topics import DEAD_LETTERS, LOTS, RESOLUTIONS
from services.audit.domain.verdict import Terms, plan_for
from services.ingest.domain.defining import policy_faults
from services.ingest.domain.planning import PLAN_CELLS_MAX, estimated_cells, planning_faults
from services.ingest.domain.project import LOT_SIZE_MAX, Audit, Policy
from simulation.house import ENVIRONMENT, House, call
from simulation.lives import SERVICES
from tests.support.patience import PATIENCE_SECONDS

ENDS: dict[str, tuple[Any, ...]] = {
    "overlap.initial": (1, 2),
    "overlap.max": (2, 100),
    "consensus.method": ("posterior", "majority"),
    "consensus.confidence": (0.5, 1.0),
    "consensus.wrong_at_most": (0.0001, 0.5),
    "consensus.repeat_rulings": (0.0, 0.5),
    "consensus.learn": ("gold", "competence", "resolved"),
    "consensus.prices": (
        {"label": 1e-6, "decision": 1e-6, "error": 1e-6},
        {"label": 1e6, "decision": 1e6, "error": 1e6},
    ),
    "gold.rate": (0.0, 1.0),
    "gold.qualify_units_max": (1, 1_000),
    "gold.qualify": ("no", "no"),
    "gold.pass_accuracy": (0.0, 1.0),
    "gold.doubts": (False, True),
    "gold.retrain_units": (0, 0),
    "gold.attempts_max": (1, 100),
    "gold.candidate_labels_min": (0, 100),
    "gold.candidate_confidence_min": (0.5, 1.0),
    "gold.exposures_max": (0, 1_000_000),
    "gold.stale_days": (0, 3_650),
    "gold.stale_with_guideline": (False, True),
    "sampling.rate": (0.0, 1.0),
    "sampling.seed": ("", "s" * 100),
    "sampling.quotas": ({}, {"law": 10_000_000}),
    "sampling.uncertainty_min": (0.0, 1.0),
    "sampling.uncertain_first": (False, True),
    "suggestions.hidden_rate": (0.0, 1.0),
    "privacy.treatments": ({}, {"email": "mask", "name": "pseudonym"}),
    "privacy.names": ((), ("hmac:00",)),
    "privacy.regions": ((), ("DE",)),
    "privacy.reidentification": ("none", "sealed"),
    "lot.size": (1, LOT_SIZE_MAX),
    "lot.seal_after_seconds": (1, 30 * 86_400),
    "audit.plan": ("sequential", "single", "iso_2859_1", "fraction"),
    "audit.level": ("I", "S-4"),
    "audit.reduction": (False, True),
    "audit.fraction": (0.001, 1.0),
    "audit.aql": (0.0001, 0.5),
    "audit.ltpd": (0.501, 0.999999),
    "audit.alpha": (0.0001, 0.5),
    "audit.beta": (0.0001, 0.5),
    "audit.on_reject": ("relabel", "inspect_all"),
    "audit.rejections_max": (0, 10),
    "audit.recheck_units": (0, 500),
    "audit.recheck_pause_hours": (1, 720),
    "audit.repeat_inspections": (0.0, 0.5),
    "audit.radius_units": (0, 500),
    "audit.radius_recheck_share": (0, 0.5),
    "lease.seconds": (0, 7 * 86_400),
    "lease.renewals_max": (0, 100),
    "fatigue.breaks": (False, True),
    "fatigue.false_alarm_units": (10, 100_000),
    "fatigue.break_seconds": (0, 86_400),
    "fatigue.session_minutes_max": (1, 1_440),
    "caps.units_per_day": (0, 10_000_000),
    "caps.hours_per_day": (0.0, 24.0),
    "caps.units": (0, 10_000_000),
    "priority": (-1_000, 1_000),
    "max_open_units": (0, 1_000_000),
    "deadline_seconds": (0, 365 * 86_400),
    "dedupe": ("content", "id"),
    "guideline.acknowledge": (False, True),
    "models.counted": ("never", "in_overlap"),
    "models.humans_min": (0, 5),
    "pace.floor_seconds": (0.0, 3_600.0),
    "pace.floor_share": (0.0, 1.0),
    "pace.floor_of": ("project", "own"),
    "pace.hasty": (1, 50),
    "pace.last": (1, 50),
    "pace.then": ("note", "confirm", "break", "pause"),
    "pace.break_seconds": (1, 86_400),
    "skips.in_a_row": (0, 50),
    "skips.share": (0.0, 1.0),
    "skips.last": (1, 50),
    "skips.then": ("note", "break", "pause"),
    "skips.break_seconds": (1, 86_400),
}


def leaves(policy: Any, path: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(policy):
        value = getattr(policy, field.name)
        if isinstance(value, msgspec.Struct):
            yield from leaves(value, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}"


def policy_with(fields: dict[str, Any]) -> dict[str, Any]:
    wished: dict[str, Any] = {}
    for path, value in fields.items():
        *groups, name = path.split(".")
        group = wished
        for key in groups:
            group = group.setdefault(key, {})
        group[name] = value
    return wished


def faults(fields: dict[str, Any]) -> list[str]:
    policy = msgspec.convert(policy_with(fields), Policy)
    found = [fault.field for fault in policy_faults(policy)]
    return found or [fault.field for fault in planning_faults(policy.audit, policy.lot.size)]


def test_every_field_is_tried() -> None:
    assert set(ENDS) == set(leaves(Policy()))


RANGES = [(path, ends) for path, ends in ENDS.items() if not isinstance(ends[0], str | dict | tuple | bool)]


@pytest.mark.parametrize(("path", "ends"), RANGES)
def test_beyond_its_range_a_field_is_refused_by_name(path: str, ends: tuple[Any, ...]) -> None:
    step = 1 if isinstance(ends[0], int) else 1e-9
    # Overlaps and rates are bounded by one another: their outer ends are tried.
    low = {"overlap.max": 0, "audit.ltpd": 0.01}.get(path, ends[0] - step)
    high = {"overlap.initial": 101, "audit.ltpd": 1.0}.get(path, ends[1] + step)
    for value in (low, high, -(2**31), 2**31):
        named = faults({path: value})
        assert named, (path, value)
        assert named[0].startswith(f"policy.{path.partition('.')[0]}")


fractions = st.sampled_from([0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.45, 0.5])
audits = st.builds(
    Audit,
    plan=st.sampled_from(["sequential", "single", "fraction", "iso_2859_1"]),
    level=st.sampled_from(["I", "II", "S-1"]),
    fraction=st.sampled_from([0.001, 0.05, 1.0]),
    aql=fractions,
    ltpd=st.one_of(fractions, st.sampled_from([0.00010001, 0.50000000001, 0.501, 0.7, 0.999999])),
    alpha=fractions,
    beta=fractions,
)


@settings(max_examples=60, deadline=None)
@given(audit=audits, size=st.sampled_from([1, 2, 3, 10, 333, LOT_SIZE_MAX]), share=st.floats(0, 1))
def test_a_policy_that_is_let_in_has_a_plan_for_every_lot_that_may_be_cut(
    audit: Audit, size: int, share: float
) -> None:
    policy = Policy(audit=audit)
    if [*policy_faults(policy), *planning_faults(audit, size)]:
        return
    for units in sorted({1, math.ceil(share * size) or 1, size}):
        terms = Terms(audit.level)
        plan = plan_for(audit.plan, audit.fraction, audit.aql, audit.ltpd, audit.alpha, audit.beta, units, terms)
        for wrong in (True, False):
            verdicts = (plan.bounds().decide(n, n if wrong else 0) for n in range(1, plan.sample_size + 1))
            assert next((verdict for verdict in verdicts if verdict != "continue"), None) is not None


def test_what_costs_more_than_the_budget_is_refused_without_being_computed() -> None:
    dear = Audit(aql=0.45, ltpd=0.46, alpha=0.0001, beta=0.0001)
    assert estimated_cells(dear, LOT_SIZE_MAX) > PLAN_CELLS_MAX
    (fault,) = planning_faults(dear, LOT_SIZE_MAX)
    assert fault.field == "policy.audit.ltpd"


# How much may be wrong is the confidence said the other way round, and prices say it too: one of the three is said.
TOGETHER = {path: ends for path, ends in ENDS.items() if path not in ("consensus.wrong_at_most", "consensus.prices")}
LOW = {path: ends[0] for path, ends in TOGETHER.items()} | {"audit.ltpd": 0.05, "sampling.rate": 1.0}
HIGH = {path: ends[-1] for path, ends in TOGETHER.items()}
HIGH |= {"lot.size": 4, "gold.rate": 0.5, "overlap.max": 2, "audit.alpha": 0.3, "models.humans_min": 2}
STORIES = {
    "all at their low ends": LOW,
    "all at their high ends": HIGH,
    "rates apart": {"lot.size": 3, "audit.aql": 0.0001, "audit.ltpd": 0.999999, "overlap.max": 2},
    "risks at their ends": {"lot.size": 3, "audit.alpha": 0.0001, "audit.beta": 0.5, "overlap.max": 2},
    "half may be wrong": {"lot.size": 2, "overlap.max": 2, "consensus.wrong_at_most": 0.5, "consensus.learn": "gold"},
    "labels cost next to nothing": {
        "lot.size": 2,
        "overlap.max": 2,
        "consensus.prices": {"label": 1e-6, "decision": 1.0, "error": 1e6},
    },
    "errors cost next to nothing": {
        "lot.size": 2,
        "overlap.max": 2,
        "consensus.prices": {"label": 1e6, "decision": 1e6, "error": 1e-6},
    },
    "nothing settles": {"lot.size": 2, "overlap.max": 2, "consensus.confidence": 1.0, "consensus.method": "majority"},
}


@pytest.mark.parametrize("story", STORIES)
async def test_the_services_live_by_a_policy_that_is_let_in(story: str) -> None:
    house = House()
    services: dict[str, Service] = {}
    for name in ("ingest", "assign", "adjudicate", "audit"):
        kind, wire = SERVICES[name]
        services[name] = wire(kind.from_environment(ENVIRONMENT), house.ports(name))
        await services[name].runtime.start()
    client = house.token("key", Role.CLIENT, client_id="k1")
    operator = house.token("op", Role.OPERATOR)
    people = ("ann", "bob", "eve")

    async def said(service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        answer = await call(services[service].application, method, path, token, body)
        assert answer.status < 300, (path, answer.body)
        return answer.json()

    for name in people:
        await said("assign", "PUT", f"/v1/annotators/{name}", operator, {})
    definition = {"label_schema": {"kind": "choice", "classes": ["a", "b"]}, "policy": policy_with(STORIES[story])}
    await said("ingest", "PUT", "/v1/projects/p", client, definition)
    units = [{"id": f"{n}", "content": f"text {n}"} for n in range(4)]
    units += [{"id": f"g{n}", "content": f"gold {n}", "gold": "a"} for n in range(2)]
    await said("ingest", "POST", "/v1/projects/k1-p/units", client, units)
    await said("ingest", "POST", "/v1/projects/k1-p/seal", client)

    async def settled() -> bool:
        for name in people:
            token = house.token(name, Role.ANNOTATOR)
            await said("assign", "POST", "/v1/projects/k1-p/guidelines/1/acknowledgement", token)
            offered = await said("assign", "POST", "/v1/projects/k1-p/claims", token, {"units": 5})
            for assignment in offered["assignments"]:
                path = f"/v1/assignments/{assignment['assignment_id']}/submission"
                await said("assign", "POST", path, token, {"label": "a"})
        decided = {event.WhichOneof("event") for event in house.events(RESOLUTIONS)}
        drawn = [event for event in house.events(LOTS) if event.HasField("sample_drawn")]
        return bool(drawn) or "escalated" in decided

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await settled():  # noqa: ASYNC110 - looks at what has no event
            await asyncio.sleep(0.05)
    assert house.events(DEAD_LETTERS) == []
    assert list(itertools.chain(*(service.runtime.reasons() for service in services.values()))) == []
    for service in services.values():
        service.runtime.abandon()


@pytest.mark.parametrize("aql", [0.0001, 0.0065, 0.01, 0.04, 0.1])
def test_the_shares_of_the_standard_are_taken_and_others_refused_with_all_of_them(aql: float) -> None:
    assert faults({"audit.plan": "iso_2859_1", "audit.aql": aql, "audit.ltpd": 0.2}) == []
    (fault,) = planning_faults(Audit(plan="iso_2859_1", aql=0.05, ltpd=0.2), 500)
    assert (fault.field, "none of ISO 2859-1" in fault.problem, f"{aql:g}" in fault.cure) == (
        "policy.audit.aql", True, True,
    )  # fmt: skip
