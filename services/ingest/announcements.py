"""How ingest's facts are told to the others: its events, worded; and a project read back as it was told."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast, get_args

import msgspec
from google.protobuf.message import Message
from msgspec.structs import asdict

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer, Series
from concord.chassis.projects import steps_told
from concord.contracts.codec import Headers
from concord.contracts.ids import client_of
from concord.contracts.topics import PROJECTS, UNITS
from concord.contracts.v1.projects_pb2 import (
    AuditPolicy,
    CapsPolicy,
    ConsensusPolicy,
    FatiguePolicy,
    GoldPolicy,
    GuidelineExample,
    GuidelinePolicy,
    LeasePolicy,
    LotPolicy,
    ModelPolicy,
    OverlapPolicy,
    PacePolicy,
    Policy,
    Prices,
    PrivacyPolicy,
    ProjectDefined,
    ProjectEvent,
    SamplingPolicy,
    SchemaStep,
    SkipPolicy,
    SuggestionPolicy,
    Targets,
)
from concord.contracts.v1.units_pb2 import (
    LotSealed,
    ReidentifiedKind,
    UnitAdmitted,
    UnitDuplicated,
    UnitErased,
    UnitEvent,
    UnitReidentified,
)
from concord.labels import decoded, encoded
from concord.labels.versions import offered_spec
from services.ingest.domain import project as domain
from services.ingest.domain.identity import Claim, UnitState
from services.ingest.domain.lot import LotState
from services.ingest.domain.reidentification import Counted, Question
from services.ingest.domain.sampling import priority_of

SERVICE = "ingest"

Wish = TypeVar("Wish", bound=msgspec.Struct)


def project_defined(announcer: Announcer, project: domain.ProjectState) -> Outgoing:
    """Return the event that tells a project's whole state."""
    definition = project.definition
    defined = ProjectDefined(
        name=definition.name,
        revision=project.revision,
        label_schema=encoded(project.schema_whole or definition.label_schema),
        guideline_version=project.guideline_version,
        guideline_text=definition.guideline,
        policy=policy(definition.policy),
        targets=Targets(**asdict(definition.targets)),
        life=project.life,
        life_reason=project.life_reason,
        changed_by=project.changed_by,
        changed_as=project.changed_as,
        guideline_examples=[
            GuidelineExample(**asdict(guideline_example)) for guideline_example in definition.guideline_examples
        ],
        schema_version=project.schema_version,
        schema_steps=[SchemaStep(**dataclasses.asdict(schema_step)) for schema_step in project.schema_steps],
    )
    envelope = ProjectEvent(project_defined=defined)
    return announcer.event(PROJECTS, project.project_id, project.client_id, project.project_id, envelope)


def project_from(event: Message) -> domain.ProjectState:
    """Return the project that a ProjectEvent defines: what `project_defined` was made of.

    Raises:
        ValueError: it defines none, or its label schema is no JSON object.
    """
    envelope = cast("ProjectEvent", event)
    if not envelope.HasField("project_defined"):
        raise ValueError("a ProjectEvent that defines no project")
    defined, metadata = envelope.project_defined, envelope.metadata
    schema = decoded(defined.label_schema)
    if not isinstance(schema, dict):
        raise ValueError("label_schema: is no JSON object")  # noqa: TRY004 - what was read is wrong, not its type here
    steps = steps_told(defined)
    version = max(1, defined.schema_version)
    definition = domain.Definition(
        label_schema=offered_spec(schema, steps, version) if steps else cast("dict[str, Any]", schema),
        name=defined.name,
        guideline=defined.guideline_text,
        guideline_examples=tuple(
            _read(domain.Example, guideline_example) for guideline_example in defined.guideline_examples
        ),
        policy=_read(domain.Policy, defined.policy),
        targets=_read(domain.Targets, defined.targets),
    )
    return domain.ProjectState(
        metadata.project_id,
        metadata.client_id,
        defined.revision,
        defined.guideline_version,
        definition,
        life=cast("domain.Life", defined.life or "open"),
        life_reason=defined.life_reason,
        changed_by=defined.changed_by,
        changed_as=defined.changed_as,
        schema_version=version,
        schema_whole=schema if steps else {},
        schema_steps=steps,
    )


def _read(kind: type[Wish], event: Message) -> Wish:
    """Return what a message says; the fields have the same names on both sides."""
    found = {}
    optional = {field_descriptor.name for field_descriptor in event.DESCRIPTOR.fields if field_descriptor.has_presence}
    for field in msgspec.structs.fields(kind):
        if field.name in optional and not event.HasField(field.name):
            continue  # it was left to its default
        value = getattr(event, field.name)
        if isinstance(value, Mapping):
            value = dict(value)
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            value = tuple(value)
        found[field.name] = _read(_always_there(field.type), value) if isinstance(value, Message) else value
    return kind(**found)


def _always_there(kind: Any) -> Any:
    """Return the type of a field that may be left out, as it is where it is not."""
    return next((kind_of for kind_of in get_args(kind) if kind_of is not type(None)), kind)


def unit_admitted(announcer: Announcer, project: domain.ProjectState, claim: Claim, trace: Headers) -> Outgoing:
    """Return the event that a unit is in; its payload is not in it."""
    unit, policy = claim.unit, project.definition.policy
    admitted = UnitAdmitted(
        unit_id=unit.unit_id,
        source_id=unit.source_id,
        media_type=unit.media_type,
        fingerprint=unit.fingerprint,
        guideline_version=unit.guideline_version,
        content_length=claim.content_length,
        overlap_initial=policy.overlap.initial,
        **_told_of_some(unit, claim, priority_of(unit.priority, unit.uncertainty, policy)),
    )
    envelope = UnitEvent(unit_admitted=admitted)
    return announcer.event(UNITS, unit.unit_id, project.client_id, project.project_id, envelope, trace)


class Admitted:
    """Words the events that units are in which came together: see `unit_admitted`.

    Args:
        announcer: of their cause.
        project: whose.
    """

    def __init__(self, announcer: Announcer, project: domain.ProjectState) -> None:
        policy = project.definition.policy
        self._announcer, self._project = announcer, project
        self._envelope = UnitEvent(
            unit_admitted=UnitAdmitted(overlap_initial=policy.overlap.initial, priority=priority_of(0, None, policy))
        )
        self._series = Series(announcer, UNITS, project.client_id, project.project_id, self._envelope)

    def event(self, claim: Claim, trace: Headers) -> Outgoing:
        """Return the event that a unit is in; its payload is not in it."""
        if not _is_plain(claim):
            return unit_admitted(self._announcer, self._project, claim, trace)
        unit, admitted = claim.unit, self._envelope.unit_admitted
        admitted.unit_id = unit.unit_id
        admitted.source_id = unit.source_id
        admitted.media_type = unit.media_type
        admitted.fingerprint = unit.fingerprint
        admitted.guideline_version = unit.guideline_version
        if claim.content_length is None:
            admitted.ClearField("content_length")
        else:
            admitted.content_length = claim.content_length
        return self._series.event(unit.unit_id, trace)


def _is_plain(claim: Claim) -> bool:
    """Return whether nothing is told of a unit but what is told of each."""
    unit = claim.unit
    return not (
        unit.priority
        or unit.skills
        or unit.annotators
        or unit.stratum
        or unit.uncertainty is not None
        or claim.gold is not None
        or claim.suggested is not None
        or claim.gold_of
    )


def _told_of_some(unit: UnitState, claim: Claim, priority: int) -> dict[str, Any]:
    """Return what most units do not have: a field that is named costs, whatever is in it."""
    found: dict[str, Any] = {
        "priority": priority,
        "skills_required": unit.skills,
        "named_annotators": unit.annotators,
        "stratum": unit.stratum,
    }
    counts = {name: value for name, value in found.items() if value}
    if claim.gold is not None:
        counts["gold_label"] = claim.gold
    if unit.uncertainty is not None:
        counts["uncertainty"] = unit.uncertainty
    if (suggested := claim.suggested) is not None:
        counts["suggested_label"], counts["suggestion_model"] = suggested.label, suggested.model
        counts["suggestion_confidence"], counts["suggestion_hidden"] = suggested.confidence, suggested.hidden
    if claim.gold_of:
        counts["gold_of"], counts["not_for"] = claim.gold_of, claim.not_for
    return counts


def unit_duplicated(announcer: Announcer, project: domain.ProjectState, claim: Claim, trace: Headers) -> Outgoing:
    """Return the event that a unit's content is another's, which stands for it; keyed so that it follows that one."""
    unit = claim.unit
    duplicate = UnitDuplicated(unit_id=unit.unit_id, source_id=unit.source_id, duplicate_of=unit.duplicate_of)
    envelope = UnitEvent(unit_duplicated=duplicate)
    return announcer.event(UNITS, unit.duplicate_of, project.client_id, project.project_id, envelope, trace)


def unit_erased(announcer: Announcer, unit: UnitState, reason: str) -> Outgoing:
    """Return the event that a unit was withdrawn: every service closes it."""
    envelope = UnitEvent(unit_erased=UnitErased(unit_id=unit.unit_id, reason=reason))
    return announcer.event(UNITS, unit.unit_id, client_of(unit.project_id), unit.project_id, envelope)


def unit_reidentified(
    announcer: Announcer, unit: UnitState, question: Question, reason: str, kinds: Sequence[Counted]
) -> Outgoing:
    """Return the event that somebody asked who is behind a unit's data; no value is in it."""
    reidentified = UnitReidentified(
        unit_id=unit.unit_id,
        asked_by=question.asked_by,
        reason=reason,
        how=question.how,
        kinds=[ReidentifiedKind(kind=kind, asked=asked, told=shown) for kind, asked, shown in kinds],
    )
    envelope = UnitEvent(unit_reidentified=reidentified)
    return announcer.event(UNITS, unit.unit_id, client_of(unit.project_id), unit.project_id, envelope)


def lot_sealed(announcer: Announcer, project: domain.ProjectState, lot: LotState) -> Outgoing:
    """Return the event that a lot is complete, with its members."""
    envelope = UnitEvent(lot_sealed=LotSealed(lot_id=lot.lot_id, unit_ids=lot.unit_ids))
    return announcer.event(UNITS, lot.lot_id, project.client_id, project.project_id, envelope)


def policy(wished: domain.Policy) -> Policy:
    """Return a policy as it travels; the fields have the same names on both sides."""
    return Policy(
        overlap=OverlapPolicy(**asdict(wished.overlap)),
        consensus=ConsensusPolicy(
            method=wished.consensus.method,
            confidence=wished.consensus.settled_at,
            learn=wished.consensus.learn,
            wrong_at_most=wished.consensus.wrong_at_most,
            repeat_rulings=wished.consensus.repeat_rulings,
            prices=None if wished.consensus.prices is None else Prices(**asdict(wished.consensus.prices)),
        ),
        gold=GoldPolicy(**asdict(wished.gold)),
        sampling=SamplingPolicy(**asdict(wished.sampling)),
        suggestions=SuggestionPolicy(**asdict(wished.suggestions)),
        privacy=PrivacyPolicy(**asdict(wished.privacy)),
        lot=LotPolicy(**asdict(wished.lot)),
        audit=AuditPolicy(**asdict(wished.audit)),
        lease=LeasePolicy(**asdict(wished.lease)),
        fatigue=FatiguePolicy(**asdict(wished.fatigue)),
        caps=CapsPolicy(**asdict(wished.caps)),
        priority=wished.priority,
        deadline_seconds=wished.deadline_seconds,
        dedupe=wished.dedupe,
        guideline=GuidelinePolicy(**asdict(wished.guideline)),
        max_open_units=wished.max_open_units,
        models=ModelPolicy(**asdict(wished.models)),
        pace=PacePolicy(**asdict(wished.pace)),
        skips=SkipPolicy(**asdict(wished.skips)),
    )
