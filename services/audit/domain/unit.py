"""A unit as audit knows it: its resolved label, who had a part in it, and what an auditor said."""

from collections.abc import Sequence

import msgspec


class UnitDoesNotExist(LookupError):
    """No such unit waits for this auditor: none, not in a sample, or one they had a part in; all look the same."""

    field = "unit_id"
    cure = "take one from GET /v1/inspections"


class InspectedOtherwise(ValueError):
    """The unit was inspected before, with another label or by somebody else."""

    field = "unit_id"
    cure = "take another from GET /v1/inspections"


class Evidence(msgspec.Struct, frozen=True):
    """One annotation behind a resolution; `label` is canonical JSON text."""

    annotator_id: str
    label: str
    guideline_version: int


class Inspection(msgspec.Struct, frozen=True):
    """An auditor's own label of a unit, given without sight of the resolved one."""

    auditor_id: str
    label: str
    rework: int
    reason: str = ""


class UnitState(msgspec.Struct, frozen=True):
    """A unit, whichever of its events came first.

    Attributes:
        label: the resolved label, canonical JSON text; empty before there is one.
        rework: the rework that the label belongs to.
        method: how it was settled: posterior, majority or adjudicated.
    """

    unit_id: str
    project_id: str
    source_id: str = ""
    admitted: bool = False
    gold: bool = False
    withdrawn: bool = False
    label: str = ""
    rework: int = 0
    method: str = ""
    confidence: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    adjudicator_id: str = ""
    guideline_version: int = 0
    inspection: Inspection | None = None

    def ready(self, rework: int) -> bool:
        """Return whether nothing is missing for an audit of this rework."""
        return self.admitted and (self.withdrawn or (bool(self.label) and self.rework >= rework))

    def inspected(self, rework: int) -> bool:
        """Return whether an auditor has labelled it in this rework."""
        return self.inspection is not None and self.inspection.rework >= rework

    @property
    def wrong(self) -> bool:
        """Whether an auditor found the resolved label wrong."""
        return self.inspection is not None and self.inspection.label != self.label

    def has_part(self, reviewer_id: str) -> bool:
        """Return whether somebody annotated or adjudicated it."""
        return reviewer_id == self.adjudicator_id or any(one.annotator_id == reviewer_id for one in self.evidence)


def admitted(state: UnitState | None, unit_id: str, project_id: str, source_id: str, gold: bool) -> UnitState:
    """Return the unit once its admission is heard."""
    before = state or UnitState(unit_id, project_id)
    return msgspec.structs.replace(before, admitted=True, source_id=source_id, gold=gold)


def withdrawn(state: UnitState | None, unit_id: str, project_id: str) -> UnitState:
    """Return the unit once it was erased: nothing of it is audited or leaves."""
    before = state or UnitState(unit_id, project_id)
    return UnitState(unit_id, project_id, admitted=True, withdrawn=True, rework=before.rework)


def resolved(
    state: UnitState | None,
    unit_id: str,
    project_id: str,
    label: str,
    rework: int,
    method: str,
    confidence: float,
    evidence: Sequence[Evidence],
    adjudicator_id: str,
    guideline_version: int,
) -> UnitState | None:
    """Return the unit with its resolved label; None when a later rework's label is there already."""
    before = state or UnitState(unit_id, project_id)
    if before.withdrawn or (before.label and before.rework >= rework):
        return None
    return msgspec.structs.replace(
        before,
        label=label,
        rework=rework,
        method=method,
        confidence=confidence,
        evidence=tuple(evidence),
        adjudicator_id=adjudicator_id,
        guideline_version=guideline_version,
    )


def inspected(state: UnitState | None, inspection: Inspection) -> UnitState:
    """Return the unit with an auditor's label on it.

    Raises:
        UnitDoesNotExist: no such unit, or the auditor had a part in it.
        InspectedOtherwise: it was inspected before.
    """
    if state is None or not state.label or state.has_part(inspection.auditor_id):
        raise UnitDoesNotExist("There is no such unit to inspect.")
    if state.inspected(inspection.rework):
        raise InspectedOtherwise("The unit was inspected before.")
    return msgspec.structs.replace(state, inspection=inspection)
