"""What is answered to operators about people, and to people about their work."""

from msgspec import Struct

from concord.client.models import Json


class Credential(Struct, frozen=True, omit_defaults=True):
    """What an annotator is certified in, and until when (RFC 3339); without an end it holds for good."""

    domain: str
    expires_at: str | None = None


class Annotator(Struct, frozen=True):
    """An annotator as last defined: invited, qualifying, active, paused or retired; why, and until when."""

    annotator_id: str
    revision: int
    kind: str = "human"
    skills: list[str] = []
    credentials: list[Credential] = []
    vendor: str = ""
    languages: list[str] = []
    state: str | None = None
    state_since: str = ""
    state_reason: str = ""
    state_until: str = ""


class RosterPage(Struct, frozen=True):
    """Some annotators, by name."""

    annotators: list[Annotator]
    next: str


class RowRefusal(Struct, frozen=True):
    """Why a row of a roster's file was not taken."""

    line: int
    field: str
    problem: str
    cure: str


class RosterReport(Struct, frozen=True):
    """What became of a roster's file; `stopped` says where its reading ended before its time."""

    changed: int
    unchanged: int
    refused: int
    refusals: list[RowRefusal]
    stopped: RowRefusal | None = None


class Nothing(Struct, frozen=True, omit_defaults=True):
    """Why there is nothing, by a code, and what belongs to it: `until` is when a cap has room again."""

    code: str
    skills: list[str] = []
    ended_at: str = ""
    until: str = ""
    about_more: int = 0
    guideline_version: int = 0


class Assignment(Struct, frozen=True):
    """A unit that its annotator holds until `lease_until`.

    Attributes:
        order: how sides or items are to be shown, by field.
        comment: of the adjudicator who sent the unit back in place of a ruling.
        earlier: the annotation that its annotator gave before that, if they did.
    """

    assignment_id: str
    unit_id: str
    payload_url: str
    media_type: str
    lease_until: str
    guideline_version: int
    label_schema: dict[str, Json]
    order: dict[str, list[str]] = {}
    draft_revision: int = 0
    comment: str = ""
    earlier: str = ""


class DraftSaved(Struct, frozen=True):
    """The revision under which a draft is kept, by which the next is saved."""

    revision: int
    saved_at: str


class Draft(DraftSaved, frozen=True):
    """What was kept of a label before it was sent."""

    draft: Json
    flag: str
    active_ms: int


class Claimed(Struct, frozen=True):
    """What an annotator holds now, or why nothing: `reason` for people, `why` for programs."""

    assignments: list[Assignment]
    reason: str = ""
    why: Nothing | None = None


class ClaimedOfAny(Struct, frozen=True):
    """What an annotator holds now of the project whose turn it is, or why nothing."""

    assignments: list[Assignment]
    reason: str = ""
    why: Nothing | None = None
    project_id: str = ""


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


class Referral(Struct, frozen=True):
    """That a unit was sent back to annotators, the `same` or `others`, and what had been said of it by then."""

    comment: str
    to: str
    at: str
    sides: list[Side]


class Escalation(Struct, frozen=True):
    """A unit that waits for a ruling; `referrals`: how often it was sent back before, `referrals_left`: still may."""

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
    referrals: list[Referral] = []
    referrals_left: int = 0


class Escalations(Struct, frozen=True):
    """What the caller may rule, most to be gained first."""

    escalations: list[Escalation]


class Ruled(Struct, frozen=True):
    """What became of a ruling: ruled, referred, repeated or refused, or that it waits for an answer (`question_id`)."""

    unit_id: str
    status: str
    label: Json = None
    field: str = ""
    problem: str = ""
    cure: str = ""
    question_id: str = ""


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
    """A unit that nobody is left to label; `told` once an adjudicator settles what labels it has."""

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
    count: int = 0


class HeldLease(Struct, frozen=True):
    """One lease of the caller's."""

    assignment_id: str
    unit_id: str
    project_id: str
    lease_until: str


class InProject(Struct, frozen=True):
    """Where an annotator stands in one project: how much waits there, or why nothing does."""

    project_id: str
    name: str
    waiting: int
    priority: int = 0
    due_at: str = ""
    reason: str = ""
    why: Nothing | None = None


class Standing(Struct, frozen=True):
    """What an annotator may see of itself."""

    annotator_id: str
    kind: str
    skills: list[str]
    languages: list[str]
    leases: list[HeldLease]
    state: str
    state_reason: str
    state_until: str
    projects: list[InProject]
