"""The Grafana dashboard, built of typed parts and kept as JSON in `grafana/concord.json`.

Its rows follow a unit's way: what the contract promises, the people, the work on its way, the services themselves.
"""

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Threshold

from deploy.observability.on_call import bounds, objectives, processes, services
from deploy.observability.panels import chooser, lines, number

FILE = Path(__file__).parent / "grafana" / "concord.json"
PROJECT = '{client=~"$client", project=~"$project"}'
STRAY_IN_VARIABLES = ("auto", "auto_count", "auto_min", "id")
LETTERS = "ABCDEFGH"


def board() -> dashboard.Dashboard:
    """Return the dashboard's builder."""
    building = (
        dashboard.Dashboard("Concord: annotation quality and flow")
        .uid("concord")
        .tags(["concord"])
        .time("now-6h", "now")
        .refresh("30s")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(chooser("client", "label_values(concord_agreement_units, client)"))
        .with_variable(chooser("project", 'label_values(concord_agreement_units{client=~"$client"}, project)'))
    )
    for title, panels in (
        ("What the contract promises", [*_contract(), *_parts()]),
        ("Annotators", _annotators()),
        ("Units on their way", _flow()),
        ("Objectives of the services", objectives()),
        ("Services", [*processes(), *services(), *bounds()]),
    ):
        building = building.with_row(dashboard.Row(title))
        for panel in panels:
            building = building.with_panel(panel)
    return building


def text() -> str:
    """Return the dashboard's JSON, with what the builder leaves open filled in."""
    whole: dict[str, Any] = json.loads(JSONEncoder().encode(board().build()))
    for place, panel in enumerate(whole["panels"], start=1):
        panel["id"] = place
        if panel.get("options") is None:
            panel.pop("options", None)
        for letter, target in zip(LETTERS, panel.get("targets") or [], strict=False):
            target["refId"] = letter
    for variable in whole["templating"]["list"]:
        for stray in STRAY_IN_VARIABLES:
            variable.pop(stray, None)
    return json.dumps(whole, sort_keys=True, indent=2) + "\n"


def _contract() -> list[stat.Panel | timeseries.Panel]:
    return [
        number(
            "Lowest alpha over its target",
            "Of the projects chosen, the least by which agreement is above what its contract asks; under zero it is "
            "missed. Under 50 units nothing is judged.",
            f"min(concord_agreement_alpha{PROJECT} - on (client, project) {_target('alpha')})",
            decimals=3,
            steps=[Threshold(color="red"), Threshold(value=0.0, color="green")],
        ),
        number(
            "Units behind it",
            "Units with two labels or more, over the projects chosen.",
            f"sum(concord_agreement_units{PROJECT})",
        ),
        number(
            "Lots accepted",
            "Lots whose sample let them go, over the projects chosen.",
            f"sum(concord_lots_accepted{PROJECT})",
        ),
        number(
            "Rejections",
            "How often a lot was sent back, over the projects chosen.",
            f"sum(concord_lots_rejections{PROJECT})",
            steps=[Threshold(color="green"), Threshold(value=1, color="orange")],
        ),
        lines(
            "Alpha and its interval",
            "Krippendorff's alpha with its 95 % jackknife interval, and the contract's target. A page follows only "
            "when the upper end is under the target.",
            [
                (f"concord_agreement_alpha{PROJECT}", "{{project}}"),
                (f"concord_agreement_alpha_low{PROJECT}", "{{project}} low"),
                (f"concord_agreement_alpha_high{PROJECT}", "{{project}} high"),
                (_target("alpha"), "{{project}} target"),
            ],
            unit="none",
        ),
        lines(
            "Label error rate and its interval",
            "Share of wrong labels in accepted lots with its 95 % interval, and the contract's limit. A page follows "
            "only when the lower end is over the limit.",
            [
                (f"concord_label_error_rate{PROJECT}", "{{project}}"),
                (f"concord_label_error_rate_low{PROJECT}", "{{project}} low"),
                (f"concord_label_error_rate_high{PROJECT}", "{{project}} high"),
                (_target("label_error_rate"), "{{project}} limit"),
            ],
            unit="percentunit",
        ),
        lines(
            "Stated confidence against audits",
            "Stated confidence of units that consensus settled less the share that auditors found right, with its 95 % "
            "interval. Above zero more is claimed than is right; a ticket follows when the interval leaves zero.",
            [
                (f"concord_confidence_gap{PROJECT}", "{{project}}"),
                (f"concord_confidence_gap_low{PROJECT}", "{{project}} low"),
                (f"concord_confidence_gap_high{PROJECT}", "{{project}} high"),
            ],
            unit="percentunit",
        ),
    ]


def _parts() -> list[stat.Panel | timeseries.Panel]:
    return [
        lines(
            "Promises that are missed",
            "Of each promise of a contract, whether it is certainly missed (1) or not (0): what its webhook tells too.",
            [(f"concord_contract_breached{PROJECT}", "{{project}} {{measure}}")],
            unit="none",
        ),
        lines(
            "Labels within the hour",
            "How many labels came in of each project within the last hour, to hold against what is left until its "
            "deadline.",
            [(f"delta(concord_annotations{PROJECT}[1h])", "{{project}}")],
        ),
        lines(
            "How units stand",
            "Units of each project by how they stand: consensus, an expert's ruling, waiting for one, unanswerable.",
            [
                (f"sum by (project) (concord_units_{kind}{PROJECT})", f"{{{{project}}}} {kind}")
                for kind in ("consensus", "adjudicated", "escalated", "unanswerable")
            ],
        ),
        lines(
            "Inspections",
            "Verdicts of auditors, a minute: correct, wrong, late, and blind repeats of another's.",
            [("60 * sum by (result) (rate(concord_audit_inspections_total[$__rate_interval]))", "{{result}} a minute")],
        ),
        lines(
            "Drift",
            "Population stability index of the newest units against a project's first, of labels and of what comes in. "
            "From 0.1 on, and where chance is no explanation, it is told and a ticket follows.",
            [(f"concord_drift_psi{PROJECT}", "{{project}} {{measure}}")],
            unit="none",
        ),
        lines(
            "Alpha by field",
            "Krippendorff's alpha of each field of labels that have several, with its 95 % interval.",
            [
                (f"concord_field_agreement_alpha{PROJECT}", "{{project}} {{field}}"),
                (f"concord_field_agreement_alpha_low{PROJECT}", "{{project}} {{field}} low"),
                (f"concord_field_agreement_alpha_high{PROJECT}", "{{project}} {{field}} high"),
            ],
            unit="none",
        ),
    ]


def _annotators() -> list[stat.Panel | timeseries.Panel]:
    return [
        lines(
            "The ten least accurate",
            "Accuracy on gold by annotator, posterior mean; those below are the first to look at, not to blame: see "
            "how many gold units it rests on beside it.",
            [(f"bottomk(10, concord_annotator_accuracy{PROJECT})", "{{project}} {{annotator}}")],
            unit="percentunit",
        ),
        lines(
            "Gold units behind it",
            "Gold units of the annotators that have the fewest.",
            [(f"bottomk(10, concord_annotator_gold_units{PROJECT})", "{{project}} {{annotator}}")],
        ),
    ]


def _flow() -> list[stat.Panel | timeseries.Panel]:
    rate = "[$__rate_interval]"
    had = "concord_adjudicate_annotations_per_unit"
    return [
        lines(
            "In, labelled, settled",
            "Units admitted, labels accepted and decisions on units, a second.",
            [
                (f'sum(rate(concord_ingest_units_total{{status="admitted"}}{rate}))', "admitted"),
                (f'sum(rate(concord_assign_submissions_total{{status="accepted"}}{rate}))', "labels"),
                (f"sum by (verdict) (rate(concord_adjudicate_decisions_total{rate}))", "{{verdict}}"),
            ],
            unit="cps",
        ),
        lines(
            "Waiting",
            "Units that wait for an annotator, leases that run, escalations and lots that wait for a reviewer, records "
            "of the intake whose project takes no more for now.",
            [
                ("sum(concord_assign_waiting_units)", "units"),
                ("sum(concord_assign_leases)", "leases"),
                ("sum(concord_adjudicate_escalations_open)", "escalations"),
                ("sum(concord_audit_lots_open)", "lots"),
                ("sum(concord_audit_lots_without_auditor)", "lots without an auditor"),
                ("sum(concord_ingest_waiting_records)", "records without room"),
            ],
        ),
        lines(
            "Webhooks",
            "Attempts to deliver, a second; deliveries that wait, and the hours that the one which waits longest has.",
            [
                (f"sum by (result) (rate(concord_audit_webhook_attempts_total{rate}))", "{{result}}"),
                ("sum(concord_audit_webhooks_waiting)", "waiting"),
                ("max(concord_audit_webhook_oldest_seconds) / 3600", "hours of the oldest"),
                ("sum(increase(concord_audit_webhook_dead_letters_total[1h]))", "dead within an hour"),
            ],
            unit="none",
        ),
        lines(
            "Labels a unit",
            "Mean number of annotations when a unit was settled or escalated: what adaptive overlap saves.",
            [(f"sum(rate({had}_sum{rate})) / sum(rate({had}_count{rate}))", "mean")],
            unit="none",
        ),
        lines(
            "From label to metric",
            "How long a label takes until every measure has it. The objective is 99 % within 5 s.",
            [
                (
                    f"histogram_quantile({quantile}, sum by (le) (rate(concord_event_to_metric_seconds_bucket{rate})))",
                    f"p{quantile * 100:g}",
                )
                for quantile in (0.5, 0.99)
            ],
            unit="s",
        ),
    ]


def _target(measure: str) -> str:
    """Return the query of what the chosen contracts ask of a measure."""
    chosen = PROJECT.removesuffix("}")
    return f'max by (client, project) (concord_contract_target{chosen}, measure="{measure}"}})'
