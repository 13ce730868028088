"""ISO 2859-1 single sampling: lot size and inspection level to code letter, letter and AQL to a plan.

The master tables are regular: along a diagonal of equal (letter + AQL step) the acceptance number is the same,
because sample sizes and AQLs both grow by the fifth root of ten. A table is therefore an offset and the row of
numbers met when crossing the diagonals; where the standard prints an arrow there is no number, only the
direction in which the next plan is found.

Sources: ISO 2859-1:1999 Tables 1, 2-A, 2-B, 2-C; the first three equal MIL-STD-105E Tables I, II-A, II-B, and
all their cells were held against the CRAN package AQLSchemes 1.7-2. Table 2-C is the 1999 one, without the
gaps between Ac and Re of MIL-STD-105E; it is given up to AQL 10, where an AQL is a percentage.
"""

import math
from dataclasses import dataclass
from typing import Literal

from concord.quality.single_plan import SinglePlan

Inspection = Literal["normal", "tightened", "reduced"]

LETTERS = "ABCDEFGHJKLMNPQRS"
AQLS_PERCENT = (
    *(0.010, 0.015, 0.025, 0.040, 0.065, 0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5),
    *(10.0, 15.0, 25.0, 40.0, 65.0, 100.0, 150.0, 250.0, 400.0, 650.0, 1000.0),
)
PERCENTAGE_MAX = 10.0
"""The largest AQL that is a percentage of wrong units; greater ones are errors on a hundred units."""
_ZERO_AQL_LAST = AQLS_PERCENT.index(6.5)  # no plan with Ac 0 stands right of this column

_SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
_SIZES_REDUCED = (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800)

_LOT_SIZE_LAST = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
_LETTERS_BY_LEVEL = {  # Table 1, one letter a lot-size range
    "S-1": "AAAABBBBCCCCDDD",
    "S-2": "AAABBBCCCDDDEEE",
    "S-3": "AABBCCDDEEFFGGH",
    "S-4": "AABCCDEEFGGHJJK",
    "I": "AABCCDEFGHJKLMN",
    "II": "ABCDEFGHJKLMNPQ",
    "III": "BCDEFGHJKLMNPQR",
}

_UP, _DOWN = -1, -2  # arrows; acceptance numbers are 0 or more


@dataclass(frozen=True, slots=True)
class _Table:
    """A master table: the diagonal of Ac 0, what stands on it and the following ones, and where rows end."""

    diagonal_zero: int
    diagonals: tuple[int, ...]
    sizes: tuple[int, ...]
    letters: int
    accept_max_from_f: int  # rows F and below print no larger acceptance number


_TABLES: dict[Inspection, _Table] = {
    "normal": _Table(14, (0, _UP, _DOWN, 1, 2, 3, 5, 7, 10, 14, 21, 30, 44), _SIZES, 16, 21),
    "tightened": _Table(15, (0, _DOWN, _DOWN, 1, 2, 3, 5, 8, 12, 18, 27, 41), _SIZES, 17, 18),
    "reduced": _Table(14, (0, _UP, _DOWN, _DOWN, 1, 2, 3, 5, 6, 8, 10, 14, 21), _SIZES_REDUCED, 16, 10),
}


@dataclass(frozen=True, slots=True)
class StandardPlan:
    """A plan out of the tables.

    Attributes:
        lot_letter: code letter of the lot size and level (Table 1).
        plan_letter: code letter of the plan, after arrows.
        sample_size, accept_max, reject_min: n, Ac and Re = Ac + 1; the whole lot where n would exceed it.
    """

    lot_letter: str
    plan_letter: str
    sample_size: int
    accept_max: int
    reject_min: int

    def single_plan(self) -> SinglePlan:
        """Return the plan to decide with; a whole lot of no more than Ac units cannot fail and raises ValueError."""
        return SinglePlan(self.sample_size, self.accept_max)


def code_letter(lot_size: int, level: str = "II") -> str:
    """Return the code letter of a lot (Table 1); levels I, II, III and S-1 to S-4.

    >>> code_letter(1000), code_letter(1000, "I")
    ('J', 'G')
    """
    if lot_size < 2:
        raise ValueError(f"the standard starts with lots of 2 units, not {lot_size}")
    if level not in _LETTERS_BY_LEVEL:
        raise ValueError(f"level {level!r} is none of {', '.join(_LETTERS_BY_LEVEL)}")
    row = sum(lot_size > last for last in _LOT_SIZE_LAST)
    return _LETTERS_BY_LEVEL[level][row]


def standard_plan(
    lot_size: int, aql_percent: float, level: str = "II", inspection: Inspection = "normal"
) -> StandardPlan:
    """Return the single plan of ISO 2859-1 for a lot (Tables 1 and 2-A, 2-B or 2-C, arrows followed).

    Args:
        lot_size: units in the lot.
        aql_percent: one of the standard's AQLs, in percent: .65 means .65 %.
        level: inspection level.
        inspection: normal, tightened or reduced.

    >>> plan = standard_plan(1000, 0.4)
    >>> plan.lot_letter, plan.plan_letter, plan.sample_size, plan.accept_max
    ('J', 'K', 125, 1)
    """
    lot_letter = code_letter(lot_size, level)
    row, accept_max = _follow(_TABLES[inspection], LETTERS.index(lot_letter), _column(aql_percent, inspection))
    size = min(_TABLES[inspection].sizes[row], lot_size)
    return StandardPlan(lot_letter, LETTERS[row], size, accept_max, accept_max + 1)


def tighter_accept_max(plan_letter: str, aql_percent: float, inspection: Inspection = "normal") -> int | None:
    """Return Ac of the same sample at the next tighter AQL, as the switching score asks; None without one.

    >>> tighter_accept_max("J", 1.0)
    1
    """
    column = _column(aql_percent, inspection) - 1
    accept = _cell(_TABLES[inspection], LETTERS.index(plan_letter), column) if column >= 0 else _DOWN
    return accept if accept >= 0 else None


def _column(aql_percent: float, inspection: Inspection) -> int:
    for column, known in enumerate(AQLS_PERCENT):
        if math.isclose(aql_percent, known, rel_tol=1e-9):
            if inspection == "reduced" and known > 10:
                raise ValueError("reduced inspection is given for AQLs up to 10 %")
            return column
    raise ValueError(f"{aql_percent} % is not an AQL of the standard: {', '.join(map(str, AQLS_PERCENT))}")


def _cell(table: _Table, row: int, column: int) -> int:
    """Return the acceptance number printed in a cell, or the arrow."""
    diagonal = row + column - table.diagonal_zero
    if diagonal < 0:
        return _DOWN
    accept = table.diagonals[diagonal] if diagonal < len(table.diagonals) else _UP
    if accept == 0 and column > _ZERO_AQL_LAST:
        return _DOWN
    return _UP if row >= LETTERS.index("F") and accept > table.accept_max_from_f else accept


def _follow(table: _Table, row: int, column: int) -> tuple[int, int]:
    """Return row and acceptance number of the first plan in the arrow's direction; at the edge, the other one."""
    accept = _cell(table, row, column)
    if accept >= 0:
        return row, accept
    above, below = range(row - 1, -1, -1), range(row + 1, table.letters)
    for rows in (above, below) if accept == _UP else (below, above):
        for other in rows:
            accept = _cell(table, other, column)
            if accept >= 0:
                return other, accept
    raise AssertionError("every column of the tables holds a plan")
