"""A lot: what is accepted or rejected together."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import msgspec

from concord.quality.acceptance import Bounds, Decision
from concord.quality.calibration import Bin
from services.audit.domain.fields import FieldErrors
from services.audit.domain.holding import Hold
from services.audit.domain.radius import Fault
from services.audit.domain.verdict import FIXED, Plan, Rate

Status = Literal[
    "sealed", "auditing", "inspecting_all", "relabelling", "accepted", "gathering", "rechecking", "rechecked"
]
"""The last three are of a recheck's lot, which is never accepted and never leaves; see `recheck`."""
RECHECK = ("gathering", "rechecking", "rechecked")
OPEN_TO_INSPECTION = ("auditing", "inspecting_all", "rechecking")
WAITING = ("sealed", "relabelling")
LOOK_AHEAD_UNITS = 10
"""Units that auditors are listed beyond the fewest that an acceptance takes, so that several can work at once."""


class LotDoesNotExist(LookupError):
    """No such lot, or somebody else's, which looks the same."""


class LotNotAccepted(ValueError):
    """Nothing leaves that was not accepted."""


class Correction(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit whose label a recheck found wrong after its lot was accepted."""

    place: int
    at_us: int


class Withdrawal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit that was erased after its lot was accepted."""

    place: int
    at_us: int


class LotState(msgspec.Struct, frozen=True, gc=False):
    """A lot on its way to its verdict.

    Places are those of units in `unit_ids`, from 0.

    Attributes:
        rework: how often it was sent back.
        order: places in the order of inspection, of all units that were there when the sample was drawn.
        withdrawn: places of units that were erased before the lot was accepted: they are in no sample and no claim.
        inspected, errors: of the sample, when it was judged last.
        fields: the same of each field, where labels have several.
        confidences: what was stated of those inspected that consensus had settled, and how many of them are right.
        rejections: how often it was rejected.
        corrections: places of units that leave with the auditor's label; frozen at acceptance. Of a recheck: of those
            that an auditor has labelled otherwise.
        rate: label error rate of what leaves, told once, at acceptance.
        certificate: SHA-256 of the signed certificate; empty before acceptance.
        rows_sha256, export_sha256: of the digests of the export's lines and of the whole, as they were certified.
        basis: SHA-256 of the first line of its ledger; see `acceptance`.
        erased: units that left and were erased since.
        seed: of the last draw, in hexadecimal; told once the lot is accepted. Empty where it was drawn without one.
        unanswerable: places of units that were settled without a label when the sample was drawn: like those withdrawn
            they are in no sample and no export, and the certificate lists them.
        exported: in which formats it has left.
        schema_version: of the label schema, in whose names its labels were certified.
        sealed_at_us: when it was put together, and of a recheck, when its units were drawn; 0 where nobody wrote it
            down then.
        at_fault: whose labels were found wrong too often when it was rejected last, at `rejected_at_us`.
        findings_seen: the number of the newest finding of its project that it was held against.
        radius: places of units of annotators who are at fault for other lots, in the order in which they are
            inspected before this one may be accepted: the first `radius_first`, and all where one of these is wrong.
        held_for: the lots for whose rejection they are at fault.
        held_at_us: since when it has been held for these, without a break.
        corrected_since: units that left and were found wrong since.
    """

    lot_id: str
    project_id: str
    unit_ids: tuple[str, ...] = ()
    status: Status = "sealed"
    rework: int = 0
    plan: Plan | None = None
    order: tuple[int, ...] = ()
    withdrawn: tuple[int, ...] = ()
    inspected: int = 0
    errors: int = 0
    rejections: int = 0
    corrections: tuple[int, ...] = ()
    rate: Rate | None = None
    certificate: str = ""
    rows_sha256: str = ""
    export_sha256: str = ""
    basis: str = ""
    accepted_at_us: int = 0
    erased: tuple[Withdrawal, ...] = ()
    exported: tuple[str, ...] = ()
    fields: tuple[FieldErrors, ...] = ()
    confidences: tuple[Bin, ...] = ()
    seed: str = ""
    unanswerable: tuple[int, ...] = ()
    schema_version: int = 1
    sealed_at_us: int = 0
    at_fault: tuple[Fault, ...] = ()
    rejected_at_us: int = 0
    findings_seen: int = 0
    radius: tuple[int, ...] = ()
    radius_first: int = 0
    held_for: tuple[str, ...] = ()
    corrected_since: tuple[Correction, ...] = ()
    held_at_us: int = 0

    @property
    def judgement(self) -> tuple[int, int]:
        """Which judgement of the lot comes next: rework and units erased, of which each only grows.

        A lot that is found acceptable is accepted, or has a unit erased and comes to the next one.
        """
        return self.rework, len(self.withdrawn)

    @property
    def members(self) -> list[str]:
        """The units that the lot is about: all but those erased before its acceptance, in the order of the export.

        Those that have no label, for they are unanswerable, are none of them.
        """
        gone = {*self.withdrawn, *self.unanswerable}
        return [unit_id for place, unit_id in enumerate(self.unit_ids) if place not in gone]

    @property
    def leaving(self) -> list[str]:
        """The units that are handed over: the members but those erased since."""
        gone = {*self.withdrawn, *self.unanswerable, *(withdrawal.place for withdrawal in self.erased)}
        return [unit_id for place, unit_id in enumerate(self.unit_ids) if place not in gone]

    def lines_erased(self, first: int = 0) -> list[int]:
        """Return the lines of the certified export, from 0, that were erased since; the first so many left out."""
        line_of = {unit_id: line for line, unit_id in enumerate(self.members)}
        return [line_of[self.unit_ids[withdrawal.place]] for withdrawal in self.erased[first:]]

    @property
    def in_order(self) -> list[str]:
        """The same units in the order of inspection."""
        gone = {*self.withdrawn, *self.unanswerable}
        return [self.unit_ids[place] for place in self.order if place not in gone]

    @property
    def sample(self) -> list[str]:
        """The units that may be inspected, in order: as many as the plan takes at most, or all."""
        if self.status == "auditing" and self.plan is not None:
            return self.in_order[: self.plan.sample_size]
        return self.in_order

    @property
    def counting(self) -> list[str]:
        """The units on which a verdict can count for it: those of the sample, and those for which it is held."""
        sample = self.sample
        among = frozenset(sample) if self.radius else frozenset()
        return [*sample, *(unit_id for unit_id in self.in_radius if unit_id not in among)]

    def may_be_inspected(self, unit_id: str) -> bool:
        """Return whether a verdict on a unit can count for it."""
        return unit_id in self.sample or (bool(self.radius) and unit_id in self.in_radius)

    @property
    def in_radius(self) -> list[str]:
        """The units for which it is held, in the order of their inspection."""
        gone = {*self.withdrawn, *self.unanswerable}
        return [self.unit_ids[place] for place in self.radius if place not in gone]


class Progress(NamedTuple):
    """How far the inspection of a lot has come, counted along the order of the sample without a gap.

    `fields`, `confidences`: as of the lot, where the inspection has come to its verdict.
    """

    inspected: int
    errors: int
    verdict: Literal["accept", "reject", "continue"]
    fields: tuple[FieldErrors, ...] = ()
    confidences: tuple[Bin, ...] = ()


def drawn(
    state: LotState | None,
    plan: Plan | None,
    order: tuple[int, ...],
    withdrawn: Iterable[int],
    seed: bytes,
    unanswerable: Iterable[int] = (),
    hold: Hold = Hold(),  # noqa: B008 - it cannot change
) -> LotState | None:
    """Return the lot with its sample drawn; None when it does not wait for one.

    Args:
        state: before.
        plan: by which it is judged; None when no unit is left.
        order: all units, in the order of inspection.
        withdrawn: places of units that are erased by now.
        seed: by which it was drawn.
        unanswerable: places of units that have no label by now, for no label is right.
        hold: for what it is held.
    """
    if state is None or state.status not in WAITING:
        return None
    gone = {*state.withdrawn, *withdrawn}
    return msgspec.structs.replace(
        _with_hold(state, hold),
        status="auditing",
        plan=plan,
        order=order,
        withdrawn=tuple(sorted(gone)),
        unanswerable=tuple(sorted({*unanswerable} - gone)),
        inspected=0,
        errors=0,
        fields=(),
        confidences=(),
        seed=seed.hex(),
    )


def progress(state: LotState, bounds: Bounds | None, verdict_on: Callable[[str], bool | None]) -> Progress:
    """Return what the verdicts so far amount to.

    Verdicts count in the order of the sample, up to the first that is missing, so that the result does not depend
    on which auditor was faster; a sequential plan stops at its first bound. A unit that was erased counts for nothing:
    the next in the order is inspected in its place.

    Args:
        state: the lot.
        bounds: those of its plan; None where there is none, for no unit is left.
        verdict_on: of a unit, whether it is right; None before it is inspected in this rework.
    """
    errors = inspected = 0
    for unit_id in state.sample:
        right = verdict_on(unit_id)
        if right is None:
            return Progress(inspected, errors, "continue")
        inspected += 1
        errors += not right
        if state.status == "auditing" and bounds is not None:
            decision = decided(state, bounds, inspected, errors)
            if decision != "continue":
                return Progress(inspected, errors, decision)
    # All that is left was inspected, and what was wrong is put right.
    return Progress(inspected, errors, "accept")


def decided(state: LotState, bounds: Bounds, inspected: int, errors: int) -> Decision:
    """Return what the lot's plan says after so many units; a fixed sample is inspected to its end whatever is found."""
    plan = state.plan
    if plan is not None and plan.kind in FIXED and inspected < plan.sample_size:
        return "continue"
    return bounds.decide(inspected, errors)


def held(state: LotState | None, hold: Hold) -> LotState | None:
    """Return a lot under inspection with the units for which it is held; None when that is known, or it is not."""
    if state is None or state.status != "auditing" or state.findings_seen >= hold.findings_seen:
        return None
    return _with_hold(state, hold)


def rejected(
    state: LotState, found: Progress, on_reject: str, at_fault: Iterable[Fault] = (), at_us: int = 0
) -> LotState:
    """Return the lot after a rejection: back to be labelled anew, or to be inspected whole.

    Args:
        state: before.
        found: what the verdicts amount to.
        on_reject: what follows.
        at_fault: whose labels were wrong too often.
        at_us: the time of the rejection.
    """
    counted = msgspec.structs.replace(
        state,
        inspected=found.inspected,
        errors=found.errors,
        rejections=state.rejections + 1,
        fields=found.fields,
        confidences=found.confidences,
        at_fault=tuple(at_fault),
        rejected_at_us=at_us,
    )
    if on_reject == "relabel":
        return msgspec.structs.replace(counted, status="relabelling", rework=state.rework + 1)
    return msgspec.structs.replace(counted, status="inspecting_all")


def _with_hold(state: LotState, hold: Hold) -> LotState:
    return msgspec.structs.replace(
        state,
        findings_seen=hold.findings_seen,
        radius=hold.radius,
        radius_first=hold.first,
        held_for=hold.held_for,
        held_at_us=(state.held_at_us or hold.at_us) if hold.radius else 0,
    )


def after_rejection(on_reject: str, rejections: int, rejections_max: int) -> str:
    """Return what follows a rejection: "relabel" or "inspect_all".

    A lot that is sent back until some sample lets it pass is accepted in the end whatever it is worth. So after so many
    rejections as the policy allows, the next one has it inspected whole.

    Args:
        on_reject: what the policy wishes.
        rejections: how often the lot was rejected before this time.
        rejections_max: how often it may be sent back.

    >>> after_rejection("relabel", 1, 2), after_rejection("relabel", 2, 2), after_rejection("inspect_all", 0, 2)
    ('relabel', 'inspect_all', 'inspect_all')
    """
    return on_reject if rejections < rejections_max else "inspect_all"


def judged(state: LotState, found: Progress, corrections: Iterable[int], rate: Rate, at_us: int) -> LotState:
    """Return the lot accepted, with all that its certificate is made of; what auditors found wrong leaves corrected.

    Args:
        state: before.
        found: what the verdicts amount to.
        corrections: places of units that were found wrong, those beyond the point of the verdict among them.
        rate: of what leaves.
        at_us: the time of the acceptance.
    """
    return msgspec.structs.replace(
        state,
        status="accepted",
        inspected=found.inspected,
        errors=found.errors,
        corrections=tuple(corrections),
        rate=rate,
        accepted_at_us=at_us,
        fields=found.fields,
        confidences=found.confidences,
    )


def withdrawn(state: LotState | None, unit_id: str, at_us: int) -> LotState | None:
    """Return the lot once one of its units was erased; None when that is known, or it is not one of them.

    Before the acceptance the unit is out of the lot; after it, out of what is handed over, and the certificate stays.
    """
    if state is None or unit_id not in state.unit_ids:
        return None
    place = state.unit_ids.index(unit_id)
    if place in state.withdrawn or any(withdrawal.place == place for withdrawal in state.erased):
        return None
    if state.status == "accepted" and place in state.unanswerable:
        return None  # nothing of it has left
    if state.status == "accepted":
        return msgspec.structs.replace(state, erased=(*state.erased, Withdrawal(place, at_us)))
    return msgspec.structs.replace(
        state,
        withdrawn=tuple(sorted({*state.withdrawn, place})),
        unanswerable=tuple(other for other in state.unanswerable if other != place),
    )
