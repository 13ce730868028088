"""Request and response bodies of assign.

What annotators are sent is an allow-list: no source id, no client's or project's name, no gold mark, no label of
anybody else. Gold and ordinary units fill in the same fields in the same way.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from concord.chassis.clock import MICROSECONDS
from services.assign.domain.eligibility import AnnotatorState, Credential

CLAIM_UNITS_MAX = 50
SUBMISSIONS_MAX = 200
ACTIVE_MS_MAX = 86_400_000

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Flag = Annotated[str, Meta(max_length=500)]
ActiveMs = Annotated[int, Meta(ge=0, le=ACTIVE_MS_MAX)]


class ClaimBody(msgspec.Struct, forbid_unknown_fields=True):
    """How many units an annotator wants to hold."""

    units: Annotated[int, Meta(ge=1, le=CLAIM_UNITS_MAX)] = 1


class SubmissionBody(msgspec.Struct, forbid_unknown_fields=True):
    """A label for an assignment that the path names."""

    label: msgspec.Raw
    active_ms: ActiveMs = 0
    flag: Flag = ""


class SubmissionItem(msgspec.Struct, forbid_unknown_fields=True):
    """A label for the assignment it names."""

    assignment_id: Id
    label: msgspec.Raw
    active_ms: ActiveMs = 0
    flag: Flag = ""


class SubmissionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Many labels."""

    submissions: Annotated[list[SubmissionItem], Meta(min_length=1, max_length=SUBMISSIONS_MAX)]


class SkipBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why a unit is passed over."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


CLAIM = msgspec.json.Decoder(ClaimBody)
SUBMISSION = msgspec.json.Decoder(SubmissionBody)
SUBMISSIONS = msgspec.json.Decoder(SubmissionsBody)
SKIP = msgspec.json.Decoder(SkipBody)


class AssignmentOffer(msgspec.Struct):
    """One unit to be labelled."""

    assignment_id: str
    unit_id: str
    payload_url: str
    media_type: str
    lease_until: str
    guideline_version: int
    label_schema: msgspec.Raw


class Claimed(msgspec.Struct, omit_defaults=True):
    """What an annotator holds now, or why nothing."""

    assignments: list[AssignmentOffer]
    reason: str = ""


class SubmissionError(msgspec.Struct):
    """Why one label of many was not taken."""

    field: str
    problem: str
    cure: str
    status: int


class SubmissionResult(msgspec.Struct, omit_defaults=True):
    """What became of one label: `accepted`, `late` or `repeated`, or the error."""

    assignment_id: str
    status: str = ""
    annotation_id: str = ""
    error: SubmissionError | None = None


class SubmissionResults(msgspec.Struct):
    """What became of many labels, in their order."""

    results: list[SubmissionResult]


class AssignmentBody(msgspec.Struct, omit_defaults=True):
    """Where one assignment stands."""

    assignment_id: str
    status: str
    lease_until: str = ""


class HeldLease(msgspec.Struct):
    """One lease of the caller's."""

    assignment_id: str
    unit_id: str
    project_id: str
    lease_until: str


class Standing(msgspec.Struct):
    """What an annotator may see of itself."""

    annotator_id: str
    kind: str
    skills: list[str]
    languages: list[str]
    leases: list[HeldLease]


class Guideline(msgspec.Struct):
    """How a project's units are to be labelled."""

    project_id: str
    guideline_version: int
    guideline: str
    label_schema: msgspec.Raw


Name = Annotated[str, Field(min_length=1, max_length=100)]


class CredentialBody(BaseModel):
    """What an annotator is certified in, and until when; without an end it holds for good."""

    model_config = ConfigDict(extra="forbid")
    domain: Name
    expires_at: AwareDatetime | None = None


class AnnotatorBody(BaseModel):
    """Who an annotator is."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["human", "model"] = "human"
    skills: Annotated[list[Name], Field(max_length=200)] = []
    credentials: Annotated[list[CredentialBody], Field(max_length=200)] = []
    vendor: Annotated[str, Field(max_length=100)] = ""
    languages: Annotated[list[Name], Field(max_length=50)] = []

    def wanted(self, annotator_id: str) -> AnnotatorState:
        """Return the state that this body asks for."""
        return AnnotatorState(
            annotator_id=annotator_id,
            kind=self.kind,
            skills=tuple(dict.fromkeys(self.skills)),
            credentials=tuple(
                Credential(one.domain, round(one.expires_at.timestamp() * MICROSECONDS) if one.expires_at else None)
                for one in self.credentials
            ),
            vendor=self.vendor,
            languages=tuple(dict.fromkeys(self.languages)),
        )


class AnnotatorShown(AnnotatorBody):
    """An annotator as last defined."""

    annotator_id: str
    revision: int

    @classmethod
    def of(cls, state: AnnotatorState) -> "AnnotatorShown":
        """Return what is shown of the state."""
        return cls(
            annotator_id=state.annotator_id,
            revision=state.revision,
            kind=state.kind,
            skills=list(state.skills),
            credentials=[
                CredentialBody(
                    domain=one.domain,
                    expires_at=datetime.fromtimestamp(one.expires_at_us / MICROSECONDS, UTC)
                    if one.expires_at_us is not None
                    else None,
                )
                for one in state.credentials
            ],
            vendor=state.vendor,
            languages=list(state.languages),
        )


def body_documented(body: type[msgspec.Struct]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a JSON body that msgspec reads."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _schema(body)}}}}


def reply_documented(reply: type[msgspec.Struct]) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of a JSON reply that msgspec writes."""
    return {200: {"description": "Done.", "content": {"application/json": {"schema": _schema(reply)}}}}


def _schema(kind: type[msgspec.Struct]) -> Any:
    """Return the type's JSON schema with every type that it refers to written out in place."""
    (schema,), named = msgspec.json.schema_components([kind], ref_template="{name}")

    def written_out(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return written_out(named[part["$ref"]])
            return {key: written_out(value) for key, value in part.items()}
        return [written_out(one) for one in part] if isinstance(part, list) else part

    return written_out(schema)


def timestamp(at_us: int) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the millisecond.

    >>> timestamp(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    return datetime.fromtimestamp(at_us / MICROSECONDS, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
