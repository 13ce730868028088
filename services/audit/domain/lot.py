"""A lot: what is accepted or rejected together."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from services.audit.domain.unit import UnitState
from services.audit.domain.verdict import Plan

Status = Literal["sealed", "auditing", "inspecting_all", "relabelling", "accepted"]
OPEN_TO_INSPECTION = ("auditing", "inspecting_all")


class LotDoesNotExist(LookupError):
    """No such lot, or somebody else's, which looks the same."""


class LotNotAccepted(ValueError):
    """Nothing leaves that was not accepted."""


class Correction(msgspec.Struct, frozen=True):
    """A resolved label that an auditor found wrong, and what is right; canonical JSON text."""

    unit_id: str
    label: str


class LotState(msgspec.Struct, frozen=True):
    """A lot on its way to its verdict.

    Attributes:
        rework: how often it was sent back.
        sample: units in the order of inspection; those that do not count (withdrawn) are left out.
        inspected, errors: of the sample, when it was judged last.
        rejections: how often it was rejected.
        corrections: frozen at acceptance, so that the export is the same for ever.
        certificate: signed, as JSON text; empty before acceptance.
    """

    lot_id: str
    project_id: str
    unit_ids: tuple[str, ...] = ()
    status: Status = "sealed"
    rework: int = 0
    plan: Plan | None = None
    sample: tuple[str, ...] = ()
    inspected: int = 0
    errors: int = 0
    rejections: int = 0
    corrections: tuple[Correction, ...] = ()
    certificate: str = ""
    accepted_at_us: int = 0
    exported: tuple[str, ...] = ()


class Progress(NamedTuple):
    """How far the inspection of a lot has come, counted along the order of the sample without a gap."""

    inspected: int
    errors: int
    verdict: Literal["accept", "reject", "continue"]


def drawn(state: LotState | None, plan: Plan, sample: Sequence[str]) -> LotState | None:
    """Return the lot with its sample drawn; None when it does not wait for one."""
    if state is None or state.status not in ("sealed", "relabelling"):
        return None
    return msgspec.structs.replace(state, status="auditing", plan=plan, sample=tuple(sample), inspected=0, errors=0)


def progress(state: LotState, units: Mapping[str, UnitState]) -> Progress:
    """Return what the verdicts so far amount to.

    Verdicts count in the order of the sample, up to the first that is missing, so that the result does not depend
    on which auditor was faster; a sequential plan stops at its first bound.
    """
    errors = 0
    for place, unit_id in enumerate(state.sample):
        unit = units[unit_id]
        if not unit.withdrawn and not unit.inspected(state.rework):
            return Progress(place, errors, "continue")
        errors += unit.wrong
        if state.status == "auditing" and state.plan is not None:
            decision = state.plan.decide(place + 1, errors)
            if decision != "continue":
                return Progress(place + 1, errors, decision)
    # All are inspected: in a whole inspection what was wrong is put right.
    return Progress(len(state.sample), errors, "accept")


def rejected(state: LotState, found: Progress, on_reject: str) -> LotState:
    """Return the lot after a rejection: back to be labelled anew, or to be inspected whole."""
    counts = {"inspected": found.inspected, "errors": found.errors, "rejections": state.rejections + 1}
    if on_reject == "relabel":
        return msgspec.structs.replace(state, status="relabelling", rework=state.rework + 1, **counts)
    rest = [unit_id for unit_id in state.unit_ids if unit_id not in set(state.sample)]
    return msgspec.structs.replace(state, status="inspecting_all", sample=(*state.sample, *rest), **counts)


def accepted(
    state: LotState, found: Progress, units: Mapping[str, UnitState], certificate: str, at_us: int
) -> LotState:
    """Return the lot accepted; what auditors found wrong leaves corrected."""
    corrections = tuple(
        Correction(unit_id, unit.inspection.label)
        for unit_id in state.unit_ids
        if (unit := units[unit_id]).wrong and unit.inspection is not None and unit.inspected(state.rework)
    )
    return msgspec.structs.replace(
        state,
        status="accepted",
        inspected=found.inspected,
        errors=found.errors,
        corrections=corrections,
        certificate=certificate,
        accepted_at_us=at_us,
    )
