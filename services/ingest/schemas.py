"""Ingest's bodies, as they travel over HTTP."""

from typing import Any

import msgspec

from services.ingest.domain.admission import UnitWish
from services.ingest.domain.project import Definition, Policy, ProjectState, Targets

DEFINITION = msgspec.json.Decoder(Definition)
UNIT = msgspec.json.Decoder(UnitWish)
UNITS = msgspec.json.Decoder(list[msgspec.Raw])


class ProjectBody(msgspec.Struct, frozen=True):
    """A project, whole: what was left out of the definition stands here with its default."""

    project_id: str
    revision: int
    name: str
    label_schema: dict[str, Any]
    guideline: str
    guideline_version: int
    policy: Policy
    targets: Targets

    @classmethod
    def of(cls, state: ProjectState) -> "ProjectBody":
        """Return a project as its client sees it."""
        said = state.definition
        return cls(
            state.project_id,
            state.revision,
            said.name,
            said.label_schema,
            said.guideline,
            state.guideline_version,
            said.policy,
            said.targets,
        )


class Projects(msgspec.Struct, frozen=True):
    """The caller's projects."""

    projects: list[ProjectBody]


class Refusal(msgspec.Struct, frozen=True):
    """A unit that was not taken: the line (or place in the array, from 1), the field, what is wrong, and the cure."""

    line: int
    field: str
    problem: str
    cure: str


class AdmittedUnit(msgspec.Struct, frozen=True):
    """A unit's own id beside the client's name of it."""

    source_id: str
    unit_id: str
    status: str


class AdmissionReport(msgspec.Struct, frozen=True):
    """What became of the units of one request.

    `refused` and `units` are listed up to a bound each; the counts are always whole. `stopped` tells in which line the
    body broke off and why: the lines before it are answered for, and those from there on are not.
    """

    admitted: int
    repeated: int
    left_out: int
    refused_count: int
    refused: list[Refusal]
    units: list[AdmittedUnit]
    stopped: Refusal | None = None


class Sealed(msgspec.Struct, frozen=True):
    """How many lots were cut."""

    lots: int
