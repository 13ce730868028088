"""The body of a definition: what a client says of a project, or the whole of what was read of one, changed and sent."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.ingest.domain.project import Definition, Life
from services.ingest.domain.stated import Stated

_COMPARED = ("project_id", "revision", "guideline_version", "life", "life_reason", "schema_version")


class DefinitionBody(Definition, frozen=True):
    """A definition, whole: what is left out has its default, whatever the project said before.

    What `GET` gives of a project may be changed and sent as it is: what a definition cannot set is taken where it says
    what is, and refused where it says something else.

    Attributes:
        revision: that the definition was made from; where it is the newest no more, 409.
        project_id, guideline_version, life, life_reason, schema_version: as they were read.
        without_effect, open_units, waiting_records, changed: are passed over, for they change by themselves.
    """

    project_id: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    revision: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    guideline_version: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    life: Life | UnsetType = UNSET
    life_reason: str | UnsetType = UNSET
    schema_version: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    without_effect: tuple[str, ...] | UnsetType = UNSET
    open_units: int | UnsetType | None = UNSET
    waiting_records: int | UnsetType | None = UNSET
    changed: tuple[str, ...] | UnsetType | None = UNSET

    def definition(self) -> Definition:
        """Return what is defined."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in Definition.__struct_fields__}
        return Definition(**fields)

    def stated(self) -> Stated:
        """Return what is stated of the project beside that."""
        fields = {name: getattr(self, name) for name in _COMPARED}
        return {name: value for name, value in fields.items() if value is not UNSET}


DEFINITION = msgspec.json.Decoder(DefinitionBody)
