"""Bodies of feedback on clients' models, as they travel over HTTP."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from services.audit.domain.output import Side
from services.audit.door.lot_bodies import RateBody
from services.audit.schemas import REASON_CHARACTERS_MAX

JUDGEMENTS_MAX = 100

Json = Annotated[Any, Meta(description="Any JSON: of a label, what its kind asks for.")]
"""A label."""


class RefusedOutput(msgspec.Struct, frozen=True):
    """A line that was not taken: where, why, and what to send instead."""

    line: int
    field: str
    problem: str
    cure: str


class PostedOutputs(msgspec.Struct, frozen=True):
    """What became of a body of outputs.

    Attributes:
        posted: taken now; `repeated`: taken before, and the same.
        refused: the first of those that were not, with their lines, from 1.
    """

    posted: int
    repeated: int
    refused_count: int
    refused: list[RefusedOutput]


class ModelBody(msgspec.Struct, frozen=True):
    """One version of one model."""

    model_id: str
    model: str
    model_version: str
    first_posted_at: str


class ModelList(msgspec.Struct, frozen=True):
    """The versions of models that a project holds outputs of, in the order in which they came."""

    models: list[ModelBody]


class ClassBody(msgspec.Struct, frozen=True):
    """What one class comes to.

    Attributes:
        said: outputs of it, of which `precision` is right; `accepted`: units of it, of which the model has `recall`.
    """

    label: Json
    said: int
    accepted: int
    precision: RateBody
    recall: RateBody


class FieldBody(msgspec.Struct, frozen=True):
    """Of labels with several fields, how often the model has one right, where it or the accepted label answers it."""

    field: str
    accuracy: RateBody


class BinBody(msgspec.Struct, frozen=True):
    """Outputs that were stated to be about equally sure, and how many of them are right."""

    low: float
    high: float
    units: int
    stated: float
    right: RateBody


class CalibrationBody(msgspec.Struct, frozen=True):
    """Whether the model is right as often as it says.

    Attributes:
        expected_error: expected calibration error; `expected_error_by_chance` what a perfect one would come to.
        brier: of what it said; `brier_classes` over all classes, where it has their probabilities.
    """

    bins: list[BinBody]
    expected_error: RateBody
    expected_error_by_chance: float | None
    brier: RateBody
    brier_classes: RateBody


class ScoreBody(msgspec.Struct, frozen=True):
    """A version's outputs held against all labels that are accepted by now.

    Attributes:
        outputs: of which `scored` were held against a label.
        not_scored: how many were not, by the reason: not_admitted (no such unit has come in), not_accepted (its lot is
            not accepted yet, and its label is told nobody), erased, unanswerable, of_another_schema.
        findings: of disagreements that a person judged.
    """

    model: ModelBody
    outputs: int
    scored: int
    not_scored: dict[str, int]
    accuracy: RateBody
    classes: list[ClassBody]
    fields: list[FieldBody]
    calibration: CalibrationBody
    disagreements: int
    findings: dict[str, int]


class DisagreementBody(msgspec.Struct, frozen=True):
    """Where a model and the accepted label say different things.

    Attributes:
        label_confidence: how sure the label is; 1 where a person ruled it or an auditor gave it.
        finding: model_error, label_error, both_wrong or ambiguous; empty while nobody has judged it.
    """

    unit_id: str
    event_id: str
    lot_id: str
    model_label: Json
    model_confidence: float | None
    accepted_label: Json
    label_confidence: float
    finding: str
    reason: str


class Disagreements(msgspec.Struct, frozen=True):
    """A page of them, most to be learnt first; `next` is what to send as `cursor` for the next one."""

    disagreements: list[DisagreementBody]
    next: str | None


class ReviewWork(msgspec.Struct, frozen=True):
    """A unit of which two labels are given, and not whose they are: which is right?"""

    unit_id: str
    project_id: str
    payload_url: str
    label_schema: dict[str, Any]
    guideline: str
    guideline_version: int
    first: Json
    second: Json


class Review(msgspec.Struct, frozen=True):
    """A page of what the caller may judge; `next` is what to send as `cursor` for the next one."""

    review: list[ReviewWork]
    next: str | None


class JudgementWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which side of a disagreement is right: first, second, neither, or ambiguous: by the guideline either may be."""

    unit_id: Annotated[str, Meta(min_length=1, max_length=200)]
    right: Side
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)] = ""


class Judgements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of judgements."""

    judgements: Annotated[list[JudgementWish], Meta(max_length=JUDGEMENTS_MAX)]


class TakenJudgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a judgement: `taken` now, `repeated`, or `refused` with the field and the cure."""

    unit_id: str
    status: str
    field: str = ""
    problem: str = ""
    cure: str = ""


class TakenJudgements(msgspec.Struct, frozen=True):
    """What became of a batch of judgements, in its order."""

    results: list[TakenJudgement]


class NextUnit(msgspec.Struct, frozen=True):
    """A unit to send for labelling.

    Attributes:
        event_id: the client's own name of it.
        uncertainty: 1 less the model's confidence; .5 where it states none.
        reasons: random, disagreeing (two versions say different things), drifted (the model says this label more often
            than among accepted units) or uncertain.
    """

    event_id: str
    uncertainty: float
    reasons: list[str]


class DriftBody(msgspec.Struct, frozen=True):
    """How what the model says of units that have not come in compares with what it said of accepted ones.

    Attributes:
        index: population stability index; none with too few units, and `reason` says so.
        p_value: of a chi-square test.
        risen: labels that it says more often now, where that is no chance.
    """

    index: float | None
    p_value: float | None
    reason: str
    risen: list[Json]


class NextUnits(msgspec.Struct, frozen=True):
    """Which units to label next, out of `waiting`: those with an output of this version that have not come in."""

    units: list[NextUnit]
    waiting: int
    drift: DriftBody


JUDGEMENTS = msgspec.json.Decoder(Judgements)
