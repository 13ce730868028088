"""Versions of a project's label schema: what a definition makes of the one before."""

from collections.abc import Iterator
from typing import Any

import msgspec

from concord.labels import LabelSchema, schema_from
from concord.labels.schema_change import ChangeRefused, SchemaChange, changed
from concord.labels.spec_edits import in_no_order
from concord.labels.versions import Step, Versions, offered_spec
from services.ingest.domain.project import SCHEMA_VERSIONS_MAX, Definition, Fault, ProjectRefused, ProjectState


class SchemaDoesNotExist(LookupError):
    """The project's label schema has no such version."""


def versions_of(state: ProjectState) -> Versions:
    """Return all versions of a project's label schema."""
    return Versions(schema_from(state.schema_whole or state.definition.label_schema), state.schema_steps)


def steps_of(state: ProjectState) -> Iterator[Step]:
    """Yield what the newest version of a project's label schema changed."""
    return (schema_step for schema_step in state.schema_steps if schema_step.version == state.schema_version)


def with_schema(state: ProjectState, definition: Definition, change: SchemaChange) -> tuple[Definition, dict[str, Any]]:
    """Return a definition whose schema stands as the project has it, and what else changes with it.

    Classes keep the order in which they were defined first: labels and matrices are read by it.

    Args:
        state: of the project.
        definition: its schema canonical.
        change: what becomes of what the schema before offered.

    Raises:
        ProjectRefused: the schema is another, and does not follow from the one before by the change.
    """
    known = state.definition.label_schema
    if in_no_order(known) == in_no_order(definition.label_schema):
        return msgspec.structs.replace(definition, label_schema=known), {}
    if state.schema_version >= SCHEMA_VERSIONS_MAX:
        problem = f"was changed {SCHEMA_VERSIONS_MAX} times"
        raise ProjectRefused([Fault("label_schema", problem, "define a new project, or leave the schema as it is")])
    wanted: LabelSchema = schema_from(definition.label_schema)
    try:
        found = changed(versions_of(state), wanted, change)
    except ChangeRefused as refused:
        raise ProjectRefused([Fault(*fault) for fault in refused.faults]) from refused
    assert found is not None, "it was compared above"
    steps = (*state.schema_steps, *found.steps)
    version = state.schema_version + 1
    offered = offered_spec(found.whole, steps, version)
    return msgspec.structs.replace(definition, label_schema=offered), {
        "schema_version": version,
        "schema_whole": found.whole,
        "schema_steps": steps,
        "schemas_from": (*state.schemas_from, state.revision + 1),
    }
