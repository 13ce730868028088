"""What is sent and answered about clients' models, typed."""

from msgspec import Struct

from concord.client.models import Json


class Output(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a version of a model says of a unit.

    Attributes:
        event_id: your own name of the unit, whether it has come in or not; or `unit_id`, as an export has it.
        label: of the project's label schema.
        confidence: how sure the model is of it, from 0 to 1; without it, its class's probability.
        probabilities: of all classes, by name.
    """

    model: str
    model_version: str
    label: Json
    event_id: str | None = None
    unit_id: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] = {}


class RefusedOutput(Struct, frozen=True):
    """A line that was not taken, and what to send instead."""

    line: int
    field: str
    problem: str
    cure: str


class PostedOutputs(Struct, frozen=True):
    """What became of outputs; the first of those that were refused are listed."""

    posted: int = 0
    repeated: int = 0
    refused_count: int = 0
    refused: list[RefusedOutput] = []


class Model(Struct, frozen=True):
    """One version of one model."""

    model_id: str
    model: str
    model_version: str
    first_posted_at: str


class ModelList(Struct, frozen=True):
    """The versions of models that a project holds outputs of."""

    models: list[Model]


class Share(Struct, frozen=True):
    """A figure with its 95 % interval; without a value, the reason."""

    value: float | None
    low: float | None
    high: float | None
    units: int
    reason: str


class Repeats(Struct, frozen=True):
    """What second auditors said, blind, of inspections that were repeated."""

    repeated: int
    agreed: int
    found_wrong: int
    confirmed: int
    found_right: int
    overturned: int
    by_their_word: Share


class Together(Struct, frozen=True):
    """What a project's accepted lots come to together, and how far auditors agree who do not see each other."""

    project_id: str
    lots: int
    units: int
    inspected: int
    errors_found: int
    rejections: int
    label_error_rate: Share
    repeats: Repeats


class ClassScore(Struct, frozen=True):
    """What one class comes to: of the outputs that say it the precision, of the units that are it the recall."""

    label: Json
    said: int
    accepted: int
    precision: Share
    recall: Share


class FieldScore(Struct, frozen=True):
    """How often the model has one field right."""

    field: str
    accuracy: Share


class ReliabilityBin(Struct, frozen=True):
    """Outputs that were stated to be about equally sure, and how many of them are right."""

    low: float
    high: float
    units: int
    stated: float
    right: Share


class Calibration(Struct, frozen=True):
    """Whether the model is right as often as it says."""

    bins: list[ReliabilityBin]
    expected_error: Share
    expected_error_by_chance: float | None
    brier: Share
    brier_classes: Share


class Score(Struct, frozen=True):
    """A version's outputs held against all labels that are accepted; `not_scored` says why others were not."""

    model: Model
    outputs: int
    scored: int
    not_scored: dict[str, int]
    accuracy: Share
    classes: list[ClassScore]
    fields: list[FieldScore]
    calibration: Calibration
    disagreements: int
    findings: dict[str, int]


class Disagreement(Struct, frozen=True):
    """Where a model and the accepted label say different things; `finding` is empty while nobody has judged it."""

    unit_id: str
    event_id: str
    lot_id: str
    model_label: Json
    model_confidence: float | None
    accepted_label: Json
    label_confidence: float
    finding: str
    reason: str


class DisagreementPage(Struct, frozen=True):
    """A page of them, most to be learnt first."""

    disagreements: list[Disagreement]
    next: str | None


class ReviewWork(Struct, frozen=True):
    """A unit of which two labels are given, and not whose they are."""

    unit_id: str
    project_id: str
    payload_url: str
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    first: Json
    second: Json


class Review(Struct, frozen=True):
    """A page of what the caller may judge."""

    review: list[ReviewWork]
    next: str | None


class Judged(Struct, frozen=True):
    """What became of a judgement: taken, repeated or refused."""

    unit_id: str
    status: str
    field: str = ""
    problem: str = ""
    cure: str = ""


class JudgedBatch(Struct, frozen=True):
    """What became of a batch of judgements."""

    results: list[Judged]


class NextUnit(Struct, frozen=True):
    """A unit to send for labelling, and why: random, disagreeing, drifted or uncertain."""

    event_id: str
    uncertainty: float
    reasons: list[str]


class Drift(Struct, frozen=True):
    """How what the model says of units that have not come in compares with what it said of accepted ones."""

    index: float | None
    p_value: float | None
    reason: str
    risen: list[Json]


class NextUnits(Struct, frozen=True):
    """Which units to label next, out of `waiting`."""

    units: list[NextUnit]
    waiting: int
    drift: Drift
