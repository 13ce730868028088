"""What the client reads is what the services' documents say they answer, field by field."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from msgspec import inspect as told

from concord.chassis.http.documented import schema_of
from concord.chassis.letter_door import Letters
from concord.client import (
    agreement,
    alerts,
    conduct,
    gold,
    leading,
    ledger,
    models,
    objects,
    own,
    rechecks,
    revising,
    scores,
    webhooks,
    work,
    worked,
)
from services.adjudicate import schemas as adjudicate
from services.adjudicate.door import closing as closing_door
from services.adjudicate.door import gold as gold_door
from services.adjudicate.door import objects as objects_door
from services.adjudicate.door import retraining as retraining_door
from services.assign import schemas as assign
from services.assign.door import conduct as conduct_door
from services.assign.door import drafts as drafts_door
from services.assign.door import revisions as revisions_door
from services.assign.door import stranded as stranded_door
from services.assign.door.roster import Roster, RosterReport
from services.assign.door.standing import ClaimedOfAny
from services.audit import schemas as audit
from services.audit.domain.output import OutputWish
from services.audit.door import feedback_bodies as feedback
from services.audit.door import lot_bodies
from services.ingest import schemas as ingest
from services.ingest.domain.admission import UnitWish
from services.metrics.schemas import own as own_bodies
from services.metrics.schemas import quality as metrics
from services.metrics.schemas import surveyed
from services.metrics.schemas import worked as worked_bodies

PAIRS: Mapping[type[msgspec.Struct], type[msgspec.Struct]] = {
    models.Project: ingest.ProjectBody,
    models.ProjectPage: ingest.Projects,
    models.ChangePage: ingest.Changes,
    models.LetterPage: Letters,
    models.Report: ingest.AdmissionReport,
    models.Import: ingest.ImportBody,
    models.FoundUnits: ingest.FoundUnits,
    models.Sealed: ingest.Sealed,
    models.Erased: ingest.ErasedUnits,
    models.Spending: adjudicate.ProjectSpending,
    models.Resolution: adjudicate.Resolution,
    models.LotPage: lot_bodies.Lots,
    rechecks.Rechecks: lot_bodies.Rechecks,
    models.Key: audit.Key,
    models.Quality: metrics.Quality,
    models.AnnotatorsQuality: metrics.Annotators,
    worked.TimeWorked: worked_bodies.TimeWorked,
    own.OwnQuality: own_bodies.OwnQuality,
    ledger.Lineage: audit.LineageBody,
    models.Manifest: audit.Manifest,
    scores.PostedOutputs: feedback.PostedOutputs,
    scores.ModelList: feedback.ModelList,
    scores.Score: feedback.ScoreBody,
    scores.Together: lot_bodies.Together,
    scores.DisagreementPage: feedback.Disagreements,
    scores.Review: feedback.Review,
    scores.JudgedBatch: feedback.TakenJudgements,
    scores.NextUnits: feedback.NextUnits,
    work.Annotator: assign.AnnotatorShown,
    work.RosterPage: Roster,
    work.RosterReport: RosterReport,
    work.Claimed: assign.Claimed,
    work.ClaimedOfAny: ClaimedOfAny,
    work.DraftSaved: drafts_door.DraftSaved,
    work.Draft: drafts_door.DraftShown,
    work.AssignmentState: assign.AssignmentBody,
    work.Submitted: assign.SubmissionResult,
    work.Standing: assign.Standing,
    conduct.Conducts: conduct_door.Conducts,
    conduct.OwnConduct: conduct_door.OwnConductShown,
    conduct.ConductRuled: conduct_door.ConductRuled,
    revising.GivenLabels: revisions_door.GivenLabels,
    revising.LabelShown: revisions_door.LabelShown,
    revising.Revised: revisions_door.RevisionResult,
    work.Stranded: stranded_door.WaitsForNobody,
    work.Escalations: adjudicate.Escalations,
    work.Ruled: adjudicate.RuledUnit,
    objects.EscalatedObjects: objects_door.EscalatedObjects,
    leading.ClosingBars: closing_door.ClosingBars,
    leading.ClosedEscalations: closing_door.ClosedEscalations,
    gold.GoldDoubts: gold_door.GoldDoubts,
    gold.RuledGold: gold_door.RuledGold,
    gold.RetrainingUnits: retraining_door.RetrainingUnits,
    gold.Retrained: retraining_door.Retrained,
    gold.OwnAppeals: retraining_door.OwnAppeals,
    gold.Appealed: retraining_door.Appealed,
    work.Inspections: audit.Inspections,
    work.Verdicts: audit.TakenVerdicts,
    alerts.AlertPage: metrics.AlertList,
    agreement.Parts: surveyed.AgreementInParts,
    agreement.UnitsApart: surveyed.UnitsApart,
    webhooks.WebhookList: audit.WebhookList,
    webhooks.DeliveryPage: audit.DeliveryList,
}
"""What the client reads -> what the service answers."""


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.items(), ids=lambda kind: kind.__name__)
def test_every_field_that_is_read_is_answered(ours: type[msgspec.Struct], theirs: type[msgspec.Struct]) -> None:
    assert list(lacking(schema_of(ours), schema_of(theirs), "")) == []


def lacking(ours: Any, theirs: Any, path: str) -> Any:
    """Yield where the client wants what the service's document does not promise."""
    ours, theirs = plain(ours), plain(theirs)
    if "properties" in ours and "properties" in theirs:
        for name, inner in ours["properties"].items():
            if name not in theirs["properties"]:
                yield f"{path}.{name} is not answered"
                continue
            if name in ours.get("required", ()) and name not in theirs.get("required", ()):
                # A service that leaves out what has its default answers nothing where we want something.
                yield f"{path}.{name} may be left out"
            yield from lacking(inner, theirs["properties"][name], f"{path}.{name}")
    elif "items" in ours and "items" in theirs:
        yield from lacking(ours["items"], theirs["items"], f"{path}[]")
    elif {"type", "properties"} & ours.keys() and ours.get("type") != theirs.get("type", ours.get("type")):
        yield f"{path} is {theirs.get('type')}, and {ours.get('type')} is read"


def plain(schema: Any) -> Any:
    """Return a schema without its null."""
    others = [entry for entry in schema.get("anyOf", ()) if entry.get("type") != "null"]
    return others[0] if len(others) == 1 else schema


def test_a_field_that_is_not_answered_is_seen() -> None:
    class Wants(msgspec.Struct):
        lots: int
        more: str

    assert list(lacking(schema_of(Wants), schema_of(ingest.Sealed), "")) == [".more is not answered"]


def test_every_struct_that_is_read_stands_beside_one_that_is_answered() -> None:
    found: set[type] = set()

    def walk(kind: Any) -> None:
        if isinstance(kind, told.StructType):
            found.add(kind.cls)
            for field in kind.fields:
                walk(field.type)
        for inner in (*getattr(kind, "types", ()), *filter(None, [getattr(kind, "item_type", None)])):
            walk(inner)

    for kind in PAIRS:
        walk(told.type_info(kind))
    all_structs = {
        variable
        for module in (models, rechecks, scores, webhooks, work)
        for variable in vars(module).values()
        if isinstance(variable, type) and issubclass(variable, msgspec.Struct) and variable is not msgspec.Struct
    }
    assert all_structs - found == {models.Unit, models.FirstUnit, scores.Output} - found


def test_a_unit_has_every_field_that_is_taken() -> None:
    assert set(models.Unit.__struct_fields__) == set(UnitWish.__struct_fields__)


def test_an_output_has_every_field_that_is_taken() -> None:
    assert set(scores.Output.__struct_fields__) == set(OutputWish.__struct_fields__)
