"""What is told of the units of one request, or of one import."""

from collections.abc import Sequence
from typing import Any

from concord.chassis.errors import ConcordError, FieldError, Invalid
from services.ingest.door.batches import Batch, Stopped
from services.ingest.handlers import Admission
from services.ingest.schemas import AdmissionReport, AdmittedUnit, Caution, Refusal

NOTHING_TAKEN = "Nothing of this request was taken: every line of it was refused, and `refused` says why."
LISTED_MAX = 1_000
"""Refusals, cautions, and units, that a report lists one by one."""


class Report:
    """Adds up what became of the batches of one request.

    Attributes:
        lines: how many were served so far, whatever became of them.
        alone: whether they are of a request of one unit.
        retry_after_seconds: when what was not read is worth sending; None: as soon as its sender likes.
    """

    def __init__(self) -> None:
        self.counts = {"admitted": 0, "repeated": 0, "duplicate_of": 0, "left_out": 0}
        self.refused_count = 0
        self.refused: list[Refusal] = []
        self.caution_count = 0
        self.cautions: list[Caution] = []
        self.units: list[AdmittedUnit] = []
        self.stopped: Refusal | None = None
        self.retry_after_seconds: int | None = None
        self.lines = 0
        self.alone = False

    def stop(self, line: int, error: ConcordError) -> None:
        """Note in which line the body broke off."""
        cure = "send the lines from this one on, or all of them again: none is taken twice"
        self.stopped = Refusal(line, "body", error.detail, cure)
        self.retry_after_seconds = error.retry_after_seconds

    def read(self, batch: Batch) -> None:
        """Note what could not be read of a batch, and what of it was not taken."""
        self.lines += len(batch.lines)
        self.alone = batch.alone
        for line, wish in zip(batch.lines, batch.said, strict=True):
            if isinstance(wish, Stopped):
                self.stop(line, wish.error)
            elif isinstance(wish, ConcordError):
                self.refuse(line, (wish.errors or (FieldError("body", wish.detail, "see /openapi.json"),))[0])
        for line, caution in batch.cautions:
            self.caution(line, caution)

    def refuse(self, line: int, error: Any) -> None:
        """Note a refusal; `error` has field, problem and cure."""
        self.refused_count += 1
        if len(self.refused) < LISTED_MAX:
            self.refused.append(Refusal(line, error.field, error.problem, error.cure))

    def caution(self, line: int, caution: Any) -> None:
        """Note a caution; it has field, problem and cure."""
        self.caution_count += 1
        if len(self.cautions) < LISTED_MAX:
            self.cautions.append(Caution(line, caution.field, caution.problem, caution.cure))

    def add(self, lines: Sequence[int], admission: Admission) -> None:
        """Note what became of a batch whose units stood on these lines."""
        for position, refusal in sorted(admission.refused.items()):
            self.refuse(lines[position], refusal)
        for position, caution in admission.cautions:
            self.caution(lines[position], caution)
        for _, place in sorted(admission.places.items()):
            self.counts[place.status] += 1
            if len(self.units) < LISTED_MAX:
                self.units.append(AdmittedUnit.of(place))

    def body(self) -> AdmissionReport:
        """Return the report.

        Raises:
            Invalid: it is of a request of one unit, which was refused.
        """
        if self.alone and self.refused:
            only = self.refused[0]
            error = FieldError(only.field, only.problem, only.cure)
            raise Invalid(f"{error.field}: {error.problem}.", [error])
        self.refused.sort(key=lambda refusal: refusal.line)
        self.cautions.sort(key=lambda caution: caution.line)
        return AdmissionReport(
            **self.counts,
            refused_count=self.refused_count,
            refused=self.refused,
            caution_count=self.caution_count,
            cautions=self.cautions,
            units=self.units,
            problem="" if not self.refused_count or any(self.counts.values()) else NOTHING_TAKEN,
            stopped=self.stopped,
            retry_after_seconds=self.retry_after_seconds,
        )
