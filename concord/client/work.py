"""What is answered to operators about people, and to people about their work."""

from msgspec import Struct

from concord.client.models import Json


class Credential(Struct, frozen=True, omit_defaults=True):
    """What an annotator is certified in, and until when (RFC 3339); without an end it holds for good."""

    domain: str
    expires_at: str | None = None


class Annotator(Struct, frozen=True):
    """An annotator as last defined."""

    annotator_id: str
    revision: int
    kind: str = "human"
    skills: list[str] = []
    credentials: list[Credential] = []
    vendor: str = ""
    languages: list[str] = []


class Assignment(Struct, frozen=True):
    """A unit that its annotator holds until `lease_until`."""

    assignment_id: str
    unit_id: str
    payload_url: str
    media_type: str
    lease_until: str
    guideline_version: int
    label_schema: dict[str, Json]


class Claimed(Struct, frozen=True):
    """What an annotator holds now, or why nothing."""

    assignments: list[Assignment]
    reason: str = ""


class AssignmentState(Struct, frozen=True):
    """Where an assignment stands."""

    assignment_id: str
    status: str
    lease_until: str = ""


class Submitted(Struct, frozen=True):
    """What became of a label: accepted, late or repeated; `next` is what is held after it, if that was asked for."""

    assignment_id: str
    status: str = ""
    annotation_id: str = ""
    next: Claimed | None = None


class Side(Struct, frozen=True):
    """One label of an escalated unit, and how many gave it."""

    label: Json
    annotations: int
    flags: list[str]


class Escalation(Struct, frozen=True):
    """A unit that waits for a ruling."""

    unit_id: str
    project_id: str
    payload_url: str
    reason: str
    confidence: float
    leading_label: Json
    sides: list[Side]
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    rework: int


class Escalations(Struct, frozen=True):
    """What the caller may rule, most to be gained first."""

    escalations: list[Escalation]


class Ruled(Struct, frozen=True):
    """What became of a ruling: ruled, repeated or refused."""

    unit_id: str
    status: str
    label: Json = None
    field: str = ""
    problem: str = ""
    cure: str = ""


class Inspection(Struct, frozen=True):
    """A unit to be labelled by an auditor, blind."""

    unit_id: str
    lot_id: str
    project_id: str
    payload_url: str
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int


class HeldBack(Struct, frozen=True):
    """A lot that waits for another auditor."""

    lot_id: str
    project_id: str


class Inspections(Struct, frozen=True):
    """What the caller may inspect, and lots that wait for somebody else."""

    inspections: list[Inspection]
    held_back: list[HeldBack]


class Verdict(Struct, frozen=True):
    """What became of an auditor's own label: taken, late, repeated or refused."""

    unit_id: str
    status: str
    field: str = ""
    problem: str = ""
    cure: str = ""


class Verdicts(Struct, frozen=True):
    """What became of a batch of verdicts."""

    results: list[Verdict]


class StrandedUnit(Struct, frozen=True):
    """A unit that nobody is left to label."""

    unit_id: str
    told: bool


class MissingSkills(Struct, frozen=True):
    """Skills that nobody has, and how many units wait for them."""

    skills: list[str]
    units: int


class Stranded(Struct, frozen=True):
    """What waits in a project for somebody who is not there."""

    units: list[StrandedUnit]
    skills: list[MissingSkills]


class HeldLease(Struct, frozen=True):
    """One lease of the caller's."""

    assignment_id: str
    unit_id: str
    project_id: str
    lease_until: str


class Standing(Struct, frozen=True):
    """What an annotator may see of itself."""

    annotator_id: str
    kind: str
    skills: list[str]
    languages: list[str]
    leases: list[HeldLease]
