"""Ingest's bodies, as they travel over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from concord.chassis.clock import MICROSECONDS
from services.ingest.domain.admission import SOURCE_ID_CHARACTERS_MAX, STRATUM_CHARACTERS_MAX, UnitWish
from services.ingest.domain.identity import Place
from services.ingest.domain.imports import Import, ImportWish
from services.ingest.domain.life import REASON_CHARACTERS_MAX
from services.ingest.domain.project import Example, Life, Policy, ProjectState, Targets
from services.ingest.domain.unread import without_effect
from services.ingest.handlers.projects import Changed
from services.ingest.handlers.waiting import Standing
from services.ingest.repository import Revision

UNIT = msgspec.json.Decoder(UnitWish)
UNITS = msgspec.json.Decoder(list[msgspec.Raw])
"""Each unit is read by itself, so that one that is wrong is refused alone."""


class ExportRow(msgspec.Struct, frozen=True):
    """A row of an export: sent as a unit, it is told what it is."""

    unit_id: str
    source_id: str
    label: msgspec.Raw
    lot_id: str


EXPORT_ROW = msgspec.json.Decoder(ExportRow)
FIND_UNITS_MAX = 500
"""Units whose place is asked for in one request."""


class ProjectBody(msgspec.Struct, frozen=True):
    """A project, whole: what was left out of the definition stands here with its default.

    Attributes:
        life: open, paused or closed, and why it is not open.
        without_effect: the fields that its policy sets and that nothing follows from, for what else it says: a
            fraction where the plan is another, the length of breaks where nobody is asked for any.
        open_units: how many are in and not settled, where `policy.max_open_units` is set; null in lists.
        waiting_records: how many records of the intake topic wait until some are; likewise.
        changed: the fields that a definition changed, as the list of changes names them; null but in its answer.
    """

    project_id: str
    revision: int
    name: str
    label_schema: dict[str, Any]
    guideline: str
    guideline_version: int
    guideline_examples: tuple[Example, ...]
    policy: Policy
    targets: Targets
    life: Life
    life_reason: str
    schema_version: int
    without_effect: tuple[str, ...] = ()
    open_units: int | None = None
    waiting_records: int | None = None
    changed: tuple[str, ...] | None = None

    @classmethod
    def of(cls, state: ProjectState, room: Standing | None = None) -> "ProjectBody":
        """Return a project as its client sees it."""
        definition = state.definition
        return cls(
            state.project_id,
            state.revision,
            definition.name,
            definition.label_schema,
            definition.guideline,
            state.guideline_version,
            definition.guideline_examples,
            definition.policy,
            definition.targets,
            state.life,
            state.life_reason,
            state.schema_version,
            without_effect(definition.policy),
            open_units=None if room is None else room.open_units,
            waiting_records=None if room is None else room.waiting_records,
        )


class Projects(msgspec.Struct, frozen=True):
    """Some of the caller's projects, and the id after which the list goes on; None at its end."""

    projects: list[ProjectBody]
    next: str | None = None


class LifeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a project is paused or closed; annotators are told it. Of a project that is resumed nothing is kept."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARACTERS_MAX)] = ""


class ChangeBody(msgspec.Struct, frozen=True):
    """One field of a project that somebody changed.

    Attributes:
        revision: the project's, since this change.
        at: when, RFC 3339 in UTC.
        by, role: who, as their credential names them, and as what; empty where that was not noted.
        before, after: JSON, `before` null in the first revision; of what is over 2,000 bytes, how many and a digest.
    """

    revision: int
    at: str
    by: str
    role: str
    field: str
    before: Any
    after: Any

    @classmethod
    def of(cls, found: Changed) -> "ChangeBody":
        """Return a change as its client sees it."""
        state, at_us = found.revision
        field, before, after = found.change
        return cls(state.revision, timestamp(at_us), state.changed_by, state.changed_as, field, before, after)


class Changes(msgspec.Struct, frozen=True):
    """What was changed of a project, oldest first, and the revision after which the list goes on; None at its end."""

    changes: list[ChangeBody]
    next: int | None = None


class GuidelineListed(msgspec.Struct, frozen=True):
    """A version of a guideline: since which revision and when, by whom, and how long it is."""

    version: int
    revision: int
    at: str
    by: str
    role: str
    bytes: int
    examples: int

    @classmethod
    def of(cls, found: Revision) -> "GuidelineListed":
        """Return the version that came in a revision, as it is listed."""
        state, definition = found.state, found.state.definition
        at, size = timestamp(found.at_us), len(definition.guideline.encode())
        examples = len(definition.guideline_examples)
        return cls(state.guideline_version, state.revision, at, state.changed_by, state.changed_as, size, examples)


class Guidelines(msgspec.Struct, frozen=True):
    """The versions of a project's guideline, oldest first, and after which the list goes on; None at its end."""

    guidelines: list[GuidelineListed]
    next: int | None = None


class GuidelineBody(msgspec.Struct, frozen=True):
    """A version of a project's guideline, whole."""

    version: int
    revision: int
    at: str
    by: str
    role: str
    guideline: str
    guideline_examples: tuple[Example, ...]

    @classmethod
    def of(cls, found: Revision) -> "GuidelineBody":
        """Return the version that came in a revision."""
        state, definition = found.state, found.state.definition
        return cls(
            state.guideline_version,
            state.revision,
            timestamp(found.at_us),
            state.changed_by,
            state.changed_as,
            definition.guideline,
            definition.guideline_examples,
        )


def timestamp(at_us: int) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the millisecond.

    >>> timestamp(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    return datetime.fromtimestamp(at_us / MICROSECONDS, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Refusal(msgspec.Struct, frozen=True):
    """A unit that was not taken: the line (or place in the array, from 1), the field, what is wrong, and the cure."""

    line: int
    field: str
    problem: str
    cure: str


class Caution(Refusal, frozen=True):
    """A unit that was taken, and something about it that its sender will want to put right."""


class FirstUnit(msgspec.Struct, frozen=True):
    """The unit that stands for a duplicate: where its label is found."""

    source_id: str
    unit_id: str


class AdmittedUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit's own id beside the client's name of it, and what became of it.

    Attributes:
        status: admitted, repeated, duplicate_of, left_out; unknown, where an id is asked for that was never taken.
        duplicate_of: the unit of the same content that came first.
    """

    source_id: str
    unit_id: str
    status: str
    duplicate_of: FirstUnit | None = None

    @classmethod
    def of(cls, place: Place) -> "AdmittedUnit":
        """Return a unit's place as its client sees it."""
        unit = place.unit
        first = FirstUnit(unit.first_source_id, unit.duplicate_of) if unit.duplicate_of else None
        return cls(unit.source_id, unit.unit_id, place.status, first)


class AdmissionReport(msgspec.Struct, frozen=True):
    """What became of the units of one request.

    `refused`, `cautions` and `units` are listed up to a bound each; the counts are always whole. What became of any
    unit is found again by its id.

    Attributes:
        problem: a sentence where all was refused, and nothing of the request is in; else empty.
        stopped: why reading ended before the body did; what stands above the line it names was served.
        retry_after_seconds: where it ended because nothing more is taken now: when the rest is worth sending.
    """

    admitted: int
    repeated: int
    duplicate_of: int
    left_out: int
    refused_count: int
    refused: list[Refusal]
    caution_count: int
    cautions: list[Caution]
    units: list[AdmittedUnit]
    problem: str = ""
    stopped: Refusal | None = None
    retry_after_seconds: int | None = None


class ImportBody(msgspec.Struct, frozen=True):
    """An import as it stands: what it was begun with, how far it was read, and what was refused of it.

    Attributes:
        offset: bytes of the file, from its beginning, that were read; the next request's body begins there.
        refused, cautions: up to a bound each over the whole import; the counts are whole.
    """

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
    cautions: list[Caution]

    @classmethod
    def of(cls, found: Import) -> "ImportBody":
        """Return an import as its client sees it."""
        at = found.progress
        return cls(
            found.import_id,
            found.project_id,
            found.wish.name,
            found.wish.format,
            at.offset,
            at.line,
            at.complete,
            at.admitted,
            at.repeated,
            at.duplicate_of,
            at.left_out,
            at.refused_count,
            [Refusal(refusal.line, refusal.field, refusal.problem, refusal.cure) for refusal in at.refused],
            at.caution_count,
            [Caution(caution.line, caution.field, caution.problem, caution.cure) for caution in at.cautions],
        )


IMPORT = msgspec.json.Decoder(ImportWish)
SourceId = Annotated[str, msgspec.Meta(max_length=SOURCE_ID_CHARACTERS_MAX)]


class WantedUnits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ids, as the client gave them, of units whose place is asked for."""

    ids: Annotated[list[SourceId], msgspec.Meta(max_length=FIND_UNITS_MAX)]


class FoundUnits(msgspec.Struct, frozen=True):
    """Where units stand, in the order in which they were asked for."""

    units: list[AdmittedUnit]
    stopped: Refusal | None = None


Reason = Annotated[str, msgspec.Meta(max_length=500)]
Subject = Annotated[str, msgspec.Meta(max_length=STRATUM_CHARACTERS_MAX)]


class Erasures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be erased.

    Attributes:
        ids: units, as the client named them.
        subject: all units that were sent as this subject's.
        reason: is kept in the ledger of each unit, for ever; it names nobody.
    """

    reason: Reason
    ids: Annotated[list[SourceId], msgspec.Meta(max_length=FIND_UNITS_MAX)] = []
    subject: Subject = ""


class ErasedUnit(msgspec.Struct, frozen=True):
    """What became of one unit: erased, duplicate_of (another unit holds its content), or unknown."""

    source_id: str
    unit_id: str
    status: str


class ErasedUnits(msgspec.Struct, frozen=True):
    """How many units are erased, and the first of them one by one."""

    erased: int
    units: list[ErasedUnit]


ERASED_LISTED_MAX = 1_000
ERASURES = msgspec.json.Decoder(Erasures)


class SuggestionBody(msgspec.Struct, frozen=True):
    """What a model says of a unit; no label where annotators are not shown one."""

    label: msgspec.Raw
    model: str
    confidence: float | None


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many lots were cut.

    Attributes:
        reason: why none was; left out where some were.
    """

    lots: int
    reason: str = ""

    @classmethod
    def none(cls, lots_before: int) -> "Sealed":
        """Return that nothing was cut of a project that has so many lots, and why."""
        if not lots_before:
            return cls(0, "No unit was admitted that is to be in a lot; gold units are in none.")
        count = "its one lot" if lots_before == 1 else f"one of its {lots_before} lots"
        return cls(0, f"Every unit of this project is in {count} already; gold units are in none.")


LIFE = msgspec.json.Decoder(LifeBody)
WANTED_UNITS = msgspec.json.Decoder(WantedUnits)
