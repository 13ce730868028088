"""The Grafana dashboard, built of typed parts and kept as JSON in `grafana/concord.json`.

Its rows follow a unit's way: what the contract promises, the people, the work on its way, the services themselves.
"""

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Threshold

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
        ("Objectives of the services", _objectives()),
        ("Services", [*_processes(), *_services()]),
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
            "Lowest alpha",
            "The lowest chance-corrected agreement among the projects chosen. Under 50 units nothing is judged.",
            f"min(concord_agreement_alpha{PROJECT})",
            decimals=3,
            steps=[Threshold(color="red"), Threshold(value=0.67, color="orange"), Threshold(value=0.80, color="green")],
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
                (_target("alpha"), "target"),
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
                (_target("label_error_rate"), "limit"),
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


def _objectives() -> list[stat.Panel | timeseries.Panel]:
    spent = "sum_over_time(concord:objective_missed:rate5m[28d]) / sum_over_time(concord:objective_events:rate5m[28d])"
    of_what_is_allowed = "/ on (objective) group_left () concord:objective_allowed:ratio"
    return [
        lines(
            "Budget left of 28 days",
            "Of what an objective allows to be missed, the share that is left: labels in the measures within 5 s "
            "(99 %), requests answered without a fault of ours (99.9 %), labels acknowledged within 1 s (99 %). Under "
            "zero it is missed.",
            [(f"1 - {spent} {of_what_is_allowed}", "{{service}} {{objective}}")],
            unit="percentunit",
        ),
        lines(
            "Burn rate",
            "How many times faster than allowed the budget is used up, within the last hour and the last six. Above "
            "14.4 and 6 a page follows, above 1 for three days a ticket.",
            [
                (
                    f"concord:objective_missed:ratio_rate{window} {of_what_is_allowed}",
                    f"{{{{service}}}} {{{{objective}}}} {window}",
                )
                for window in ("1h", "6h")
            ],
            unit="none",
        ),
    ]


def _services() -> list[stat.Panel | timeseries.Panel]:
    rate = "[$__rate_interval]"
    took = f"rate(concord_http_request_seconds_bucket{rate})"
    return [
        lines(
            "Requests",
            "Requests a second by service, and those of them that failed by the service's own fault.",
            [
                (f"sum by (service) (rate(concord_http_request_seconds_count{rate}))", "{{service}}"),
                (
                    f'sum by (service) (rate(concord_http_request_seconds_count{{status=~"5.."}}{rate}))',
                    "{{service}} failed",
                ),
            ],
            unit="reqps",
        ),
        lines(
            "Time of an answer, 99th percentile",
            "By service, bulk routes among them.",
            [(f"histogram_quantile(0.99, sum by (service, le) ({took}))", "{{service}}")],
            unit="s",
        ),
        lines(
            "Records consumed",
            "Records a second by service, dead letters among them.",
            [(f"sum by (service) (rate(concord_consumer_records_total{rate}))", "{{service}}")],
            unit="cps",
        ),
        lines(
            "Lag and backlog",
            "Records not polled yet, and events stored and not published yet. Both return to zero when the load ends.",
            [
                ("max by (service) (concord_consumer_lag_records)", "{{service}} lag"),
                ("max by (service) (concord_publisher_backlog_events)", "{{service}} backlog"),
            ],
        ),
        lines(
            "Dead letters",
            "Records that were set aside since the service's start, by service and topic: each single one matters.",
            [("sum by (service, topic) (concord_dead_letters_total)", "{{service}} {{topic}}")],
        ),
        lines(
            "Journal",
            "Records a second that were stored, and appends that lost their number and were decided anew.",
            [
                (f"sum by (service) (rate(concord_journal_records_total{rate}))", "{{service}} stored"),
                (f"sum by (service) (rate(concord_journal_lost_total{rate}))", "{{service}} lost"),
            ],
            unit="cps",
        ),
    ]


def _processes() -> list[stat.Panel | timeseries.Panel]:
    rate = "[$__rate_interval]"
    return [
        lines(
            "Processes that answer",
            "How many processes of each service and of the workbench answered the last scrape; two of each, or as many "
            "as its load asks for.",
            [('sum by (service) (up{job="concord"})', "{{service}}")],
        ),
        lines(
            "Memory",
            "Resident memory of the largest process of each service. The manifests give 1 GiB, and metrics 2 GiB.",
            [('max by (service) (process_resident_memory_bytes{job="concord"})', "{{service}}")],
            unit="bytes",
        ),
        lines(
            "Starts within the hour, and builds",
            "How often processes of a service started anew within the hour, and how many run of which build: two "
            "numbers of one service are a release that is under way, or was left half done.",
            [
                ('sum by (service) (changes(process_start_time_seconds{job="concord"}[1h]))', "{{service}} starts"),
                ('count by (service, version) (concord_build_info{job="concord"})', "{{service}} {{version}}"),
            ],
        ),
        lines(
            "Processor",
            "Processor time of the busiest process of each service, in cores: each is one event loop, so at 1 it is "
            "full. And how long a lease that is over has held its unit on.",
            [
                (
                    f'max by (service) (rate(process_cpu_seconds_total{{job="concord"}}{rate}))',
                    "{{service}} cores",
                ),
                ("max(concord_assign_lease_overdue_seconds)", "seconds a lease is overdue"),
            ],
            unit="none",
        ),
        lines(
            "Workbench",
            "Sessions renewed, refused or not answered by the issuer, a minute; annotators who wait for work and live "
            "pages, which at most 400 and 100 of a process may.",
            [
                (f"60 * sum by (result) (rate(concord_workbench_renewals_total{rate}))", "{{result}} a minute"),
                ("sum(concord_workbench_waits)", "waiting"),
                ("sum(concord_workbench_streams)", "live pages"),
            ],
        ),
    ]


def _target(measure: str) -> str:
    """Return the query of what the chosen contracts ask of a measure."""
    chosen = PROJECT.removesuffix("}")
    return f'max by (measure) (concord_contract_target{chosen}, measure="{measure}"}})'
