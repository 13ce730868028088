"""Labels of several fields, taken apart: what units add to the sums of each field, and what these come to."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from concord.labels.form import FORM_BEGINS, Form, answers_in
from concord.quality.estimate import Estimate
from concord.quality.tally import LabelTally, Row
from services.metrics.domain.agreement import agreement
from services.metrics.domain.standing import Standing, sameness
from services.metrics.domain.unit import LabelRow

ROWS_BYTES_MAX = 2_000_000
"""Of the distinct rows of closed units in one field of a project."""
ROW_BYTES = 64
"""What a row costs beside its labels."""


def rows_by_field(row: Row) -> dict[str, LabelRow]:
    """Return how often a unit got each answer to each field; nothing where its labels have no fields.

    >>> rows_by_field((('{"answers":{"toxic":"no"}}', 1), ('{"answers":{"severity":3,"toxic":"yes"}}', 1)))
    {'toxic': (('"no"', 1), ('"yes"', 1)), 'severity': (('3', 1),)}
    >>> rows_by_field((('"yes"', 2),))
    {}
    """
    if not row or not str(row[-1][0]).startswith(FORM_BEGINS):
        return {}
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, times in row:
        answers = answers_in(str(label))
        if answers is None:
            continue
        for name, answer in answers.items():
            counts[name][answer] += times
    return {name: tuple(sorted(given.items())) for name, given in counts.items()}


@dataclass(slots=True)
class FieldTallies:
    """What the units of a project add up to in each field of their labels; empty where labels have no fields.

    Attributes:
        tallies: units by the answers they got.
        rows_over: fields of which closed units have so many different answers that they are not kept.
    """

    tallies: dict[str, LabelTally] = field(default_factory=dict)
    rows_over: set[str] = field(default_factory=set)

    def add(self, row: Row, times: int = 1) -> None:
        """Count units with these labels in each field; negative `times` takes them out."""
        for name, of_field in rows_by_field(row).items():
            self.add_to(name, of_field, times)

    def add_to(self, name: str, of_field: Row, times: int) -> None:
        """Count units with these answers to one field."""
        tally = self.tallies.setdefault(name, LabelTally())
        tally.add(of_field, times)
        if not tally.rows:
            del self.tallies[name]


class ClosedRows(msgspec.Struct, array_like=True):
    """The answers to one field that closed units got, only ever added to; beyond ROWS_BYTES_MAX none are kept."""

    rows: dict[LabelRow, int] = msgspec.field(default_factory=dict)
    rows_bytes: int = 0

    @property
    def rows_over(self) -> bool:
        """Return whether the rows were more than are kept."""
        return self.rows_bytes > ROWS_BYTES_MAX

    def add(self, row: LabelRow, times: int) -> bool:
        """Add closed units' row; return whether rows are kept still."""
        known = self.rows.get(row)
        if known is None and not self.rows_over:
            self.rows_bytes += sum(ROW_BYTES + len(str(answer)) for answer, _ in row)
        if self.rows_over:
            return False
        self.rows[row] = (known or 0) + times
        return True


def close_in_fields(sums: FieldTallies, closed: dict[str, ClosedRows], row: Row, times: int) -> None:
    """Let units that are closed stay in the sums of each field, as long as its field's rows are kept.

    Args:
        sums: of the project; the units are in them.
        closed: what its closed units add, by field.
        row: the labels of each of the units.
        times: how many they are.
    """
    for name, of_field in rows_by_field(row).items():
        kept = closed.setdefault(name, ClosedRows())
        if kept.add(of_field, times):
            continue
        for gone, units in kept.rows.items():
            sums.add_to(name, gone, -units)
        kept.rows.clear()
        sums.rows_over.add(name)
        sums.add_to(name, of_field, -times)


@dataclass(frozen=True, slots=True)
class FieldReport:
    """The quality of one field.

    Attributes:
        alpha, percent_agreement: over the units in which annotators were asked it.
        gold_annotations: answers to it on gold units that answer it.
    """

    field: str
    alpha: Estimate
    percent_agreement: Estimate
    gold_annotations: int
    gold_correct: int


def fields_report(form: Form, sums: FieldTallies, standings: Mapping[str, Standing]) -> tuple[FieldReport, ...]:
    """Return the quality of each field, in the form's order."""
    found = []
    for asked in form.fields:
        tally = sums.tallies.get(asked.name) or LabelTally()
        alpha, shared = agreement(tally, asked.schema, rows_over=asked.name in sums.rows_over)
        answered = [standing.fields[asked.name] for standing in standings.values() if asked.name in standing.fields]
        gold = sum(standing.gold_units for standing in answered)
        correct = sum(standing.gold_correct(sameness(asked.schema)) for standing in answered)
        found.append(FieldReport(asked.name, alpha, shared, gold, correct))
    return tuple(found)
