"""Request and response bodies of assign.

What annotators are sent is an allow-list: no source id, no client's or project's name, no gold mark, no label of
anybody else. Gold and ordinary units fill in the same fields in the same way.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import FieldError, Invalid
from services.assign.domain.eligibility import AnnotatorState, AtWork, Credential
from services.assign.domain.lease import SkipCode
from services.assign.domain.reasons import Code
from services.assign.domain.roster import at_work
from services.assign.handlers import WAIT_SECONDS_MAX

CLAIM_UNITS_MAX = 50
SUBMISSIONS_MAX = 200
ACTIVE_MS_MAX = 86_400_000

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Flag = Annotated[str, Meta(max_length=500)]
ActiveMs = int | float | None
Confirmed = Annotated[bool, Meta(description="A second yes, where so fast a label is refused (409) for want of it.")]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset; years 1 to 9999 in UTC.")]
NAME_MAX = 100
ANNOTATOR_LISTS_MAX = {"skills": 200, "credentials": 200, "languages": 50}
SECONDS_REMEMBERED_MAX = 1_024
"""Leases that are given out in one second end in one, too."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClaimBody(msgspec.Struct, forbid_unknown_fields=True):
    """How many units an annotator wants to hold, and for how long to wait where there is nothing for them."""

    units: Annotated[int, Meta(ge=1, le=CLAIM_UNITS_MAX)] = 1
    wait_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_SECONDS_MAX,
            description="Answered sooner: once there is something, or with nothing as the project moves; 0: at once.",
        ),
    ] = 0


class SubmissionBody(msgspec.Struct, forbid_unknown_fields=True):
    """A label for an assignment that the path names; `active_ms` is bounded by the time since it was given out."""

    label: msgspec.Raw
    active_ms: ActiveMs = 0
    flag: Flag = ""
    confirmed: Confirmed = False
    next: Annotated[
        int,
        Meta(
            ge=0,
            le=CLAIM_UNITS_MAX,
            description="How many units of the project to hold after it; with 2 the one to come can be fetched "
            "while the other is looked at. 0: nothing more is asked for.",
        ),
    ] = 0


class SubmissionItem(msgspec.Struct, forbid_unknown_fields=True):
    """A label for the assignment it names; `active_ms` is bounded by the time since it was given out."""

    assignment_id: Id
    label: msgspec.Raw
    active_ms: ActiveMs = 0
    flag: Flag = ""
    confirmed: Confirmed = False


class SubmissionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Many labels, as they are documented; they are read one by one."""

    submissions: Annotated[list[SubmissionItem], Meta(min_length=1, max_length=SUBMISSIONS_MAX)]


class SubmissionsSplit(msgspec.Struct, forbid_unknown_fields=True):
    """Many labels, each still as it was sent."""

    submissions: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=SUBMISSIONS_MAX)]


class NamedItem(msgspec.Struct):
    """Which assignment a label is for that cannot be taken: for its result."""

    assignment_id: str = ""


class SkipBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why a unit is passed over: an unclear guideline is asked about, a broken payload is ruled."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    code: SkipCode = "other"


CLAIM = msgspec.json.Decoder(ClaimBody)
SUBMISSION = msgspec.json.Decoder(SubmissionBody)
SUBMISSIONS = msgspec.json.Decoder(SubmissionsSplit)
SUBMISSION_ITEM = msgspec.json.Decoder(SubmissionItem)
NAMED_ITEM = msgspec.json.Decoder(NamedItem)
SKIP = msgspec.json.Decoder(SkipBody)


def told_ms(active_ms: float | None) -> int:
    """Return an active time in whole milliseconds; 0, which says that none was told, for one that cannot be.

    A browser's clock has fractions, a clock that was set back gives less than nothing, and a page left open a day or
    more tells nothing of work: no label is refused for that.

    >>> told_ms(1534.5), told_ms(-3), told_ms(86_400_000), told_ms(86_400_001), told_ms(None)
    (1534, 0, 86400000, 0, 0)
    """
    return int(active_ms) if active_ms is not None and 0 <= active_ms <= ACTIVE_MS_MAX else 0


class AssignmentOffer(msgspec.Struct, omit_defaults=True):
    """One unit to be labelled.

    Attributes:
        payload_url: what the unit says, by a signed link; with `/suggestion` before its `?` what a model says, if
            that is to be shown.
        label_schema: of the version under which it was given out, by which its label is checked.
        draft_revision: of the draft that is kept of its label; 0: none is.
        order: by field, in which order the sides of a preference (a, b) or the items of a ranking are to be shown; of a
            label of one field under the empty name. The label names the true ones, whatever order they stand in.
        comment: of the adjudicator who sent the unit back to annotators in place of a ruling.
        earlier: the annotation that the annotator gave before that, if they did; see GET /v1/annotations/{id}.
    """

    assignment_id: str
    unit_id: str
    payload_url: str
    media_type: str
    lease_until: str
    guideline_version: int
    label_schema: msgspec.Raw
    schema_version: int
    draft_revision: int
    order: dict[str, list[str]]
    comment: str = ""
    earlier: str = ""


class Nothing(msgspec.Struct, omit_defaults=True):
    """Why there is nothing, by a code.

    The code is `nothing_waits`, `had_all`, `lacks_skill`, `credential_lapsed`, `on_break`, `paused` or `closed` (the
    project is), `not_acknowledged`: `guideline_version` is to be read first, `annotator_paused` or `annotator_retired`
    (the caller is), `not_qualified`, `retraining` (not qualified, and may try again after looking at what was missed),
    `cap_reached`, `awaits_lead` (a rule of the project was broken, and its lead is to look first), or `qualifying`: all
    that is given to who qualifies was had, and it takes `about_more`. `skills` are what is lacked, or the credentials
    that have ended, `ended_at` when the last of them did; a break, pause or day's cap lasts `until`, where known.
    """

    code: Code
    skills: list[str] = []
    ended_at: str = ""
    until: str = ""
    about_more: int = 0
    guideline_version: int = 0


class Claimed(msgspec.Struct, omit_defaults=True):
    """What an annotator holds now, or why nothing: `reason` for people, `why` for programs."""

    assignments: list[AssignmentOffer]
    reason: str = ""
    why: Nothing | None = None


class SubmissionError(msgspec.Struct):
    """Why one label of many was not taken."""

    field: str
    problem: str
    cure: str
    status: int


class SubmissionResult(msgspec.Struct, omit_defaults=True):
    """What became of one label: `accepted`, `late` or `repeated`, or the error; and what is held next, if asked for."""

    assignment_id: str
    status: str = ""
    annotation_id: str = ""
    error: SubmissionError | None = None
    next: Claimed | None = None


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


class HeldCredential(msgspec.Struct, omit_defaults=True):
    """What the caller is certified in, until when, and whether that still holds."""

    domain: str
    holds: bool
    expires_at: str = ""


class Qualifying(msgspec.Struct, omit_defaults=True):
    """How far somebody is who must qualify for a project: `qualifying` or `failed`, and about how many units more.

    `retraining`: adjudicate shows what they missed, and then they may try again; not where it was their `last` try.
    """

    standing: Literal["qualifying", "qualified", "failed"]
    answered: int
    about_more: int
    retraining: bool = False
    last: bool = False


class InProject(msgspec.Struct, omit_defaults=True):
    """Where the caller stands in one project.

    `name` is the heading of its guideline, for a project's own name may be its client's; `waiting` how many units wait
    for the caller, 200 for so many or more; with none, `reason` and `why` say why. `priority` is of what comes first,
    which is wanted by `due_at`, where the project says a deadline. `qualification` is there while the caller must
    qualify for the project. `notice` says what of the caller's pace or skips is too much for the project's rules now.
    """

    project_id: str
    name: str
    waiting: int
    priority: int = 0
    due_at: str = ""
    reason: str = ""
    why: Nothing | None = None
    qualification: Qualifying | None = None
    notice: str = ""


class Standing(msgspec.Struct):
    """What an annotator may see of itself.

    `state` is `invited`, `qualifying`, `active`, `paused` or `retired`, with the reason, and the end of a pause. Of the
    projects the first hundred are listed: those in which something waits first, by priority; `more_projects` says
    whether there are others.
    """

    annotator_id: str
    kind: str
    state: AtWork
    state_reason: str
    state_until: str
    skills: list[str]
    credentials: list[HeldCredential]
    languages: list[str]
    leases: list[HeldLease]
    projects: list[InProject]
    more_projects: bool


class CredentialBody(msgspec.Struct, forbid_unknown_fields=True):
    """What an annotator is certified in, and until when; without an end it holds for good."""

    domain: Name
    expires_at: Time | None = None


class AnnotatorBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who an annotator is, all of it: what is left out is none. Without a state they stay in theirs; new, active."""

    kind: Literal["human", "model"] = "human"
    skills: Annotated[list[Name], Meta(max_length=200)] = []
    credentials: Annotated[list[CredentialBody], Meta(max_length=200)] = []
    vendor: Annotated[str, Meta(max_length=100)] = ""
    languages: Annotated[list[Name], Meta(max_length=50)] = []
    state: AtWork | None = None

    def wanted(self, annotator_id: str) -> AnnotatorState:
        """Return the state that this body asks for.

        Raises:
            Invalid: a credential ends outside the years 1 to 9999 of UTC.
        """
        return AnnotatorState(
            annotator_id=annotator_id,
            kind=self.kind,
            skills=tuple(dict.fromkeys(self.skills)),
            credentials=tuple(
                Credential(
                    credential.domain,
                    None
                    if credential.expires_at is None
                    else microseconds(credential.expires_at, f"credentials[{place}].expires_at"),
                )
                for place, credential in enumerate(self.credentials)
            ),
            vendor=self.vendor,
            languages=tuple(dict.fromkeys(self.languages)),
        )


class AnnotatorShown(AnnotatorBody, kw_only=True):
    """An annotator as last defined; a pause that is over is shown as what they came back to."""

    annotator_id: str
    revision: int
    state_since: str = ""
    state_reason: str = ""
    state_until: str = ""

    @classmethod
    def of(cls, state: AnnotatorState, now_us: int) -> "AnnotatorShown":
        """Return what is shown of the state now."""
        until = "" if state.until_us is None else timestamp(state.until_us)
        return cls(
            state=at_work(state, now_us),
            state_since=timestamp(state.since_us) if state.since_us else "",
            state_reason=state.reason,
            state_until=until,
            annotator_id=state.annotator_id,
            revision=state.revision,
            kind=state.kind,
            skills=list(state.skills),
            credentials=[
                CredentialBody(
                    held.domain,
                    None if held.expires_at_us is None else EPOCH + timedelta(microseconds=held.expires_at_us),
                )
                for held in state.credentials
            ],
            vendor=state.vendor,
            languages=list(state.languages),
        )


RESULTS = msgspec.json.Decoder(SubmissionResults)
STANDING = msgspec.json.Decoder(Standing)
ANNOTATOR = msgspec.json.Decoder(AnnotatorBody)


def microseconds(time: datetime, field: str) -> int:
    """Return a time in microseconds since the epoch, UTC, to the last one.

    Raises:
        Invalid: it is outside the years 1 to 9999 of UTC.
    """
    try:
        return (time.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
    except OverflowError as fault:
        problem = "is before year 1 or after year 9999 in UTC"
        cure = "send a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z, or leave it out"
        raise Invalid(f"{field} {problem}.", [FieldError(field, problem, cure)]) from fault


def microseconds_of(text: str) -> int:
    """Return a time that `timestamp` has told, in microseconds since the epoch, UTC.

    >>> microseconds_of("1970-01-01T00:00:01.500Z")
    1500000
    """
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def timestamp(at_us: int) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the millisecond.

    >>> timestamp(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    seconds, microseconds = divmod(at_us, MICROSECONDS)
    return f"{_to_the_second(seconds)}.{microseconds // 1_000:03}Z"


@lru_cache(maxsize=SECONDS_REMEMBERED_MAX)
def _to_the_second(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()[:-6]
