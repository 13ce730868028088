"""What metrics last said of an annotator in a project."""

import msgspec

from concord.quality.competence import ConfusionCounts


class CompetenceState(msgspec.Struct, frozen=True):
    """Gold answers of one annotator.

    Attributes:
        classes: how many the schema has; places below are in its order.
        answers: (known class, given class, times), each pair once and only those that occurred.
    """

    project_id: str
    annotator_id: str
    revision: int
    classes: int
    answers: tuple[tuple[int, int, int], ...]

    @property
    def gold_units(self) -> int:
        """Return how many gold units were answered."""
        return sum(times for _, _, times in self.answers)

    def counts(self) -> ConfusionCounts:
        """Return the answers as a matrix over the classes."""
        rows = [[0] * self.classes for _ in range(self.classes)]
        for known, given, times in self.answers:
            rows[known][given] += times
        return ConfusionCounts(tuple(map(tuple, rows)))


def newest(state: CompetenceState | None, said: CompetenceState) -> CompetenceState | None:
    """Return what was said if it is newer than what is known, else None."""
    return said if state is None or said.revision > state.revision else None
