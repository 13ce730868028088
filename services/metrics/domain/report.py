"""The quality of a project at one moment, concluded from its sums."""

from collections.abc import Sequence
from dataclasses import dataclass

from concord.labels import LabelSchema
from concord.labels.form import Form
from concord.labels.versions import Versions
from concord.quality.calibration import Bin
from concord.quality.estimate import Estimate
from services.metrics.domain.agreement import agreement
from services.metrics.domain.by_version import SEVERAL, VersionReport, by_version
from services.metrics.domain.fields import FieldReport, fields_report
from services.metrics.domain.lot import Lots
from services.metrics.domain.pace import percentile, percentile_estimate
from services.metrics.domain.standing import Competence
from services.metrics.domain.sums import Sums

UNITS_MIN = 50
"""Below so many units no target is passed or missed."""


@dataclass(frozen=True, slots=True)
class Report:
    """One project's quality.

    Attributes:
        annotations: all, gold and late ones among them.
        annotations_counted: those of each unit's present round that came in time; agreement rests on the first of them.
        gold_annotations: answers on gold units.
        units_escalated: those that wait for a ruling.
        units_unanswerable: those that an adjudicator ruled to have no right label.
        confidence_gap: stated confidence less what auditors found right, of units that consensus settled.
        confidence_bins: the same by how sure they were said to be.
        labels_saved: fewer annotations than if every settled unit had got the project's overlap at most.
        labels_saved_share: the same as a share of those; None before any unit is settled.
        audit_pass_rate: verdicts on lots that let them leave, of all.
        turnaround_p95: seconds from admission to acceptance of the lot.
        newest_us: event time of the newest label that is in.
        freshness_p95_seconds: how long labels took from being given to being in; None when none came.
        fields: the quality of each field, where labels have several.
        versions: agreement under each version of the label schema, where it has had several.
        units_of_several_versions: whose labels, of those that agreement rests on, were given under several.
    """

    project_id: str
    alpha: Estimate
    percent_agreement: Estimate
    annotations: int
    annotations_counted: int
    gold_annotations: int
    gold_correct: int
    units_consensus: int
    units_adjudicated: int
    units_escalated: int
    units_unanswerable: int
    lots: Lots
    label_error_rate: Estimate
    confidence_gap: Estimate
    confidence_bins: Sequence[Bin]
    labels_saved: int
    labels_saved_share: float | None
    audit_pass_rate: Estimate
    turnaround_p50_seconds: int | None
    turnaround_p95: Estimate
    newest_us: int
    computed_at_us: int
    freshness_p95_seconds: float | None
    fields: tuple[FieldReport, ...] = ()
    versions: tuple[VersionReport, ...] = ()
    units_of_several_versions: int = 0


def report(
    project_id: str,
    sums: Sums,
    schema: LabelSchema,
    overlap_max: int,
    computed_at_us: int,
    freshness_p95_seconds: float | None,
    found: Sequence[Competence] = (),
    versions: Versions | None = None,
) -> Report:
    """Return the project's quality; its cost does not grow with the number of units, only with distinct rows.

    `found` is what is concluded of each of its annotators, `versions` are those of its label schema.
    """
    alpha, shared = agreement(sums.read_tally(), schema, rows_over=sums.rows_over)
    fixed = overlap_max * sums.units_settled
    saved = fixed - sums.settled_labels
    timed = bool(sums.turnaround_seconds)
    return Report(
        project_id=project_id,
        alpha=alpha,
        percent_agreement=shared,
        annotations=sum(competence.annotations for competence in found),
        annotations_counted=sums.labels,
        gold_annotations=sum(competence.gold_units for competence in found),
        gold_correct=sum(competence.gold_correct for competence in found),
        units_consensus=sums.settlements["consensus"],
        units_adjudicated=sums.settlements["adjudicated"],
        units_escalated=sums.settlements["escalated"],
        units_unanswerable=sums.settlements["unanswerable"],
        lots=sums.lots,
        label_error_rate=sums.lots.label_error_rate(),
        confidence_gap=sums.lots.confidence_gap(),
        confidence_bins=sums.lots.confidence_bins(),
        audit_pass_rate=sums.lots.pass_rate(),
        labels_saved=saved,
        labels_saved_share=saved / fixed if fixed else None,
        turnaround_p50_seconds=percentile(sums.turnaround_seconds, 0.5) if timed else None,
        turnaround_p95=percentile_estimate(sums.turnaround_seconds, 0.95),
        newest_us=sums.newest_us,
        computed_at_us=computed_at_us,
        freshness_p95_seconds=freshness_p95_seconds,
        fields=fields_report(schema, sums.read_fields(), sums.standings) if isinstance(schema, Form) else (),
        versions=by_version(versions, sums.tally, sums.by_version, rows_over=sums.rows_over),
        units_of_several_versions=sum(sums.by_version[SEVERAL].rows.values()) if SEVERAL in sums.by_version else 0,
    )
