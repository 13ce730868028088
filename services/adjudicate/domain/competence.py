"""What metrics last said of an annotator in a project."""

import msgspec


class CompetenceState(msgspec.Struct, frozen=True):
    """Gold answers of one annotator, row by row: known class, given class."""

    project_id: str
    annotator_id: str
    revision: int
    confusion: tuple[tuple[int, ...], ...]


def newest(state: CompetenceState | None, said: CompetenceState) -> CompetenceState | None:
    """Return what was said if it is newer than what is known, else None."""
    return said if state is None or said.revision > state.revision else None
