"""Ledgers: what labels were expected to be worth, and were; and what became of a unit."""

from typing import Any

from msgspec import Struct


class Known(Struct, frozen=True):
    """A mean with its 95 % interval; absent where it is not known."""

    value: float | None
    low: float | None
    high: float | None


class LabelLedger(Struct, frozen=True):
    """What labels were worth, in labels: what was expected, what came of it, and what a fixed overlap would take."""

    certainty: Known
    fixed_overlap: Known
    labels_at_fixed: Known
    saved_at_fixed: Known
    units_bought: int
    expected_gain: float
    real_gain: float
    gain_over_expected: Known


class Lineage(Struct, frozen=True):
    """A unit's ledger: `lines` as they were written, `entries` the same, read.

    `trace_id` is that of the trace under which it was admitted, where the operator records it; else empty.
    """

    unit_id: str
    project_id: str
    lot_id: str
    erased: bool
    holds: bool
    problem: str
    lines: list[str]
    entries: list[dict[str, Any]]
    trace_id: str = ""
