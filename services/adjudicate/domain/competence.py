"""What metrics last said of an annotator in a project."""

import msgspec

from concord.quality.crowd import SparseAnswers


class CompetenceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Gold answers of one annotator, kept where there are any.

    Attributes:
        told: (known class, given class, times), places in the schema's order, each pair that occurred once.
        gold_units, gold_correct: in all.
    """

    project_id: str
    annotator_id: str
    revision: int
    told: tuple[tuple[int, int, int], ...] = ()
    gold_units: int = 0
    gold_correct: int = 0

    @property
    def answers(self) -> SparseAnswers:
        """Return the answers as the weighing of labels takes them."""
        return SparseAnswers.of_cells(self.told) if self.told else SparseAnswers(self.gold_units, self.gold_correct)


def newest(state: CompetenceState | None, said: CompetenceState) -> CompetenceState | None:
    """Return what was said if it is newer than what is known, else None."""
    return said if state is None or said.revision > state.revision else None
