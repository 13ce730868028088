"""What metrics last said of an annotator in a project, and of all of them together."""

from typing import TypeVar

import msgspec

from concord.quality.crowd import SparseAnswers
from concord.quality.dependence import EXPECTED


class CompetenceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Gold answers of one annotator, kept where there are any.

    Attributes:
        told: (known class, given class, times), places in the schema's order, each pair that occurred once.
        gold_units, gold_correct: in all.
        field: of which field of labels that have several; empty for the whole label.
    """

    project_id: str
    annotator_id: str
    revision: int
    told: tuple[tuple[int, int, int], ...] = ()
    gold_units: int = 0
    gold_correct: int = 0
    field: str = ""

    @property
    def answers(self) -> SparseAnswers:
        """Return the answers as the weighing of labels takes them."""
        return SparseAnswers.of_cells(self.told) if self.told else SparseAnswers(self.gold_units, self.gold_correct)


class CrowdState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What hidden gold says of a project as a whole.

    Attributes:
        dependence: correlation of two annotators' errors on one unit.
        dependence_units: gold units that it rests on.
        gold_units: (class, units), places in the schema's order.
        gold_answers: that are in all of this.
        field: of which field of labels that have several.
    """

    project_id: str
    revision: int
    dependence: float = EXPECTED
    dependence_units: int = 0
    gold_units: tuple[tuple[int, int], ...] = ()
    gold_answers: int = 0
    field: str = ""


Said = TypeVar("Said", CompetenceState, CrowdState)


def newest(state: Said | None, estimate: Said) -> Said | None:
    """Return what was said if it is newer than what is known, else None."""
    return estimate if state is None or estimate.revision > state.revision else None
