"""What is sent and what is answered, typed. Answers may tell more by the time: what is not known here is left out."""

from typing import Any

from msgspec import Struct

from concord.client.ledger import LabelLedger
from concord.client.re_review import ReReview

Json = Any  # a label, a content or a schema


class Unit(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing to be labelled; docs/guide/units.md tells each field.

    Attributes:
        id: your own name of it: sent again, it is taken once.
        content: a text, a JSON object or list, or {"uri": ...} for what lies elsewhere.
        gold: the known label, for a unit that measures annotators.
        suggestion: a model's: {"label": ..., "model": ..., "confidence": ...}.
    """

    id: str
    content: Json
    media_type: str = ""
    priority: int = 0
    skills: list[str] = []
    annotators: list[str] = []
    gold: Json = None
    suggestion: dict[str, Json] | None = None
    uncertainty: float | None = None
    stratum: str = ""
    subject: str = ""


class Project(Struct, frozen=True):
    """A project as it stands, defaults filled in; `changed` by the definition just sent, None but in its answer.

    Attributes:
        open_units, waiting_records: not settled, and waiting for that, where the policy bounds it; None in lists.
    """

    project_id: str
    revision: int
    name: str
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    policy: dict[str, Json]
    targets: dict[str, Json]
    life: str
    life_reason: str
    open_units: int | None = None
    waiting_records: int | None = None
    schema_version: int = 1
    changed: list[str] | None = None


class Change(Struct, frozen=True):
    """One field of a project that somebody changed: since which revision, when, by whom and in which role."""

    revision: int
    at: str
    by: str
    role: str
    field: str
    before: Json
    after: Json


class ChangePage(Struct, frozen=True):
    """Some changes, and after which revision the list goes on."""

    changes: list[Change]
    next: int | None = None


class Letter(Struct, frozen=True):
    """A record that a service could not take: where it lies, why, and when it was sent again, if ever."""

    letter_id: str
    service: str
    topic: str
    partition: int
    offset: int
    is_whole: bool
    error: str
    reason: str
    attempts: int
    set_aside_at: str
    replayed_at: str | None
    replayed_by: str


class LetterPage(Struct, frozen=True):
    """Some dead letters, the newest first, the cursor of older ones, and how many older ones lie on the topic alone."""

    letters: list[Letter]
    next: str | None
    left_out: int


class ProjectPage(Struct, frozen=True):
    """Some projects, and after which the list goes on."""

    projects: list[Project]
    next: str | None = None


class Refusal(Struct, frozen=True):
    """Something that was wrong in a line: the field, what, and the cure."""

    line: int
    field: str
    problem: str
    cure: str


class FirstUnit(Struct, frozen=True):
    """The unit that stands for another of the same content."""

    source_id: str
    unit_id: str


class AdmittedUnit(Struct, frozen=True):
    """A unit's own id beside yours, and what became of it: admitted, repeated, duplicate_of, left_out or unknown."""

    source_id: str
    unit_id: str
    status: str
    duplicate_of: FirstUnit | None = None


class FoundUnits(Struct, frozen=True):
    """Where units stand, in the order in which they were asked for."""

    units: list[AdmittedUnit]


class Report(Struct, frozen=True, kw_only=True):
    """What became of the units that were sent; the lists are bounded, the counts are whole.

    Attributes:
        problem: a sentence where nothing of it all was taken; else empty.
        stopped: why not all were read, and from which line on the rest is to be sent.
        retry_after_seconds: where the project takes no more for now: when that is worth it.
    """

    admitted: int = 0
    repeated: int = 0
    duplicate_of: int = 0
    left_out: int = 0
    refused_count: int = 0
    refused: list[Refusal] = []
    caution_count: int = 0
    cautions: list[Refusal] = []
    units: list[AdmittedUnit] = []
    problem: str = ""
    stopped: Refusal | None = None
    retry_after_seconds: int | None = None


class Import(Struct, frozen=True):
    """An import as it stands; `offset` is how many bytes of the file were read."""

    import_id: str
    project_id: str
    name: str
    format: str
    offset: int
    line: int
    complete: bool
    admitted: int
    repeated: int
    duplicate_of: int
    left_out: int
    refused_count: int
    refused: list[Refusal]
    caution_count: int
    cautions: list[Refusal]


class Sealed(Struct, frozen=True):
    """How many lots were cut."""

    lots: int


class ErasedUnit(Struct, frozen=True):
    """What became of a unit that was to be erased: erased, duplicate_of or unknown."""

    source_id: str
    unit_id: str
    status: str


class Erased(Struct, frozen=True):
    """How many units are erased, and the first of them one by one."""

    erased: int
    units: list[ErasedUnit]


class ReasonSpent(Struct, frozen=True):
    """Labels spent on units that were given no more for one reason."""

    reason: str
    units: int
    labels: int
    labels_saved: int


class Spending(Struct, frozen=True):
    """What labels were spent on, over all units that are resolved."""

    units: int
    labels: int
    labels_fixed: int
    labels_saved: int
    saved_share: float | None
    reasons: list[ReasonSpent]
    ledger: LabelLedger | None = None


class Resolution(Struct, frozen=True):
    """Where a unit stands: its label once consensus or adjudicated; `reason` if unanswerable; whom it waits for."""

    unit_id: str
    status: str
    label: Json
    confidence: float
    annotations: int
    rework: int
    source_id: str
    reason: str = ""
    question_id: str = ""
    closed: bool = False
    waits_for: str = ""
    waits: str = ""


class Interval(Struct, frozen=True):
    """A measure with its 95 % interval; absent where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class Lot(Struct, frozen=True):
    """Where a lot stands; `waits`: for whom and why; `repeats_waiting`: what another auditor is still to repeat."""

    lot_id: str
    project_id: str
    status: str
    units: int
    rework: int
    rejections: int
    plan: str
    sample_size: int
    inspected: int
    errors: int
    corrected: int
    label_error_rate: Interval | None
    accepted_at: str | None
    erased_since: int
    problem: str
    waits_for: str = ""
    waits: str = ""
    repeats_waiting: int = 0
    sealed_at: str | None = None
    held: bool = False
    held_for: list[str] = []
    re_review: ReReview | None = None
    corrected_since: int = 0


class LotPage(Struct, frozen=True):
    """Some lots, and after which the list goes on."""

    lots: list[Lot]
    next: str | None


class Key(Struct, frozen=True):
    """The public key that certificates are signed with now; `keys` are this one and all before it."""

    algorithm: str
    key_id: str
    public_key: str
    keys: list[dict[str, Json]]


class Estimate(Struct, frozen=True):
    """A measure with its interval, what it rests on, and where it is not defined the reason."""

    value: float | None
    low: float | None
    high: float | None
    units: int
    method: str
    reason: str


class LotCounts(Struct, frozen=True):
    """What became of lots."""

    sealed: int
    accepted: int
    rejections: int
    inspected: int
    errors: int


class Promised(Struct, frozen=True):
    """A target of the contract: by its whole interval met or missed, unsure where that holds the limit, or too few."""

    target: str
    limit: float
    standing: str
    found: Estimate
    breached: bool
    since: str | None


class Quality(Struct, frozen=True):
    """The quality of a project as it is now."""

    project_id: str
    alpha: Estimate
    percent_agreement: Estimate
    fleiss_kappa: Estimate
    gwet_ac1: Estimate
    prevalence_note: str
    annotations: int
    gold_annotations: int
    gold_correct: int
    units_consensus: int
    units_adjudicated: int
    units_escalated: int
    units_unanswerable: int
    lots: LotCounts
    label_error_rate: Estimate
    audit_pass_rate: Estimate
    targets: list[Promised]
    labels_saved: int
    labels_saved_share: float | None
    turnaround_p50_seconds: int | None
    turnaround_p95_seconds: int | None
    newest_at: str | None
    computed_at: str


class AnnotatorQuality(Struct, frozen=True):
    """One annotator in a project: competence on gold, and pace."""

    annotator_id: str
    kind: str | None
    gold_units: int
    gold_correct: int
    accuracy: Estimate
    annotations: int
    active_ms_median: int


class AnnotatorsQuality(Struct, frozen=True):
    """A project's annotators, by id; `next` is after which a page of them goes on."""

    project_id: str
    annotators: list[AnnotatorQuality]
    next: str | None = None


class ManifestFile(Struct, frozen=True):
    """A file of an export."""

    name: str
    rows: int
    bytes: int
    sha256: str


class ManifestCompanion(Struct, frozen=True):
    """A small file that goes with an export, whole."""

    name: str
    text: str


class Manifest(Struct, frozen=True):
    """What an export holds; `erased` are units that its certificate claims and that were erased since."""

    project_id: str
    issue: int
    rows: int
    left_out: dict[str, int]
    files: list[ManifestFile]
    companions: list[ManifestCompanion]
    erased: int = 0
