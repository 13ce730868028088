"""Panels of the board of who is on call: what goes through the services, and how soon it is in the numbers."""

from deploy.observability.panels import RATE, Panel, lines

OF = 'service=~"$service"'
SERVICE = f"{{{OF}}}"


def events() -> list[Panel]:
    """Return the panels of what is consumed, stored and published."""
    return [
        lines(
            "Records consumed",
            "Records a second by service, dead letters among them.",
            [(f"sum by (service) (rate(concord_consumer_records_total{SERVICE}{RATE}))", "{{service}}")],
            unit="cps",
        ),
        lines(
            "Lag and backlog",
            "Records not committed yet, and events stored and not published yet. Both return to zero when the load "
            "ends.",
            [
                (f"max by (service) (concord_consumer_lag_records{SERVICE})", "{{service}} lag"),
                (f"max by (service) (concord_publisher_backlog_events{SERVICE})", "{{service}} backlog"),
            ],
            alerts=("ConsumerStuck", "PublisherBacklog"),
        ),
        lines(
            "Dead letters",
            "Records that were set aside since the service's start, by service and topic, and within the hour: each "
            "single one matters.",
            [
                (f"sum by (service, topic) (concord_dead_letters_total{SERVICE})", "{{service}} {{topic}}"),
                (
                    f"sum by (service) (increase(concord_dead_letters_total{SERVICE}[1h]))",
                    "{{service}} within the hour",
                ),
            ],
            alerts=("DeadLettersArriving",),
        ),
        lines(
            "Journal",
            "Records a second that were stored, in how many commits, and appends that lost their number and were "
            "decided anew; what could not be published or settled within the hour.",
            [
                (f"sum by (service) (rate(concord_journal_records_total{SERVICE}{RATE}))", "{{service}} stored"),
                (f"sum by (service) (rate(concord_journal_commits_total{SERVICE}{RATE}))", "{{service}} commits"),
                (f"sum by (service) (rate(concord_journal_lost_total{SERVICE}{RATE}))", "{{service}} lost"),
                (
                    f"sum by (service) (increase(concord_journal_events_parked_total{SERVICE}[1h]))",
                    "{{service}} parked",
                ),
                (f"sum by (service) (increase(concord_journal_unsettled_total{SERVICE}[1h]))", "{{service}} unsettled"),
            ],
            unit="none",
            alerts=("EventsParked", "ReadModelUnsettled"),
        ),
        lines(
            "Published in another's stead, within the hour",
            "Events and records that a process had not said before it ended, or lost its places, and that another one "
            "said; open markers that are left to the next start. After a release there are some.",
            [
                (f"sum by (service) (increase(concord_journal_events_swept_total{SERVICE}[1h]))", "{{service}} events"),
                (
                    f"sum by (service) (increase(concord_journal_earlier_swept_total{SERVICE}[1h]))",
                    "{{service}} earlier",
                ),
                (
                    f"sum by (service) (increase(concord_journal_markers_left_total{SERVICE}[1h]))",
                    "{{service}} markers",
                ),
            ],
            alerts=("PublisherBacklog",),
        ),
    ]


def numbers() -> list[Panel]:
    """Return the panels of what metrics counts, and how soon."""
    measured, surveyed = "concord_metrics_measure_seconds", "concord_metrics_survey_seconds"
    waited = f"sum by (le) (rate(concord_event_to_metric_seconds_bucket{SERVICE}{RATE}))"
    freshness = f'{{objective="freshness", {OF}}}'
    taken, missed = f"concord:objective_events:rate5m{freshness}", f"concord:objective_missed:rate5m{freshness}"
    return [
        lines(
            "Labels taken, and those in time",
            "Labels a second that assign took within five minutes, and those of them that were in every measure within "
            "5 s: of metrics. While it is away none is, and what it catches up with is late.",
            [(taken, "taken"), (f"{taken} - {missed}", "in time")],
            unit="cps",
            alerts=("FreshnessBudgetBurning", "QualityNotMeasured"),
        ),
        lines(
            "From label to metric",
            "How long a label takes until every measure has it. The objective is 99 % within 5 s.",
            [
                (
                    f"histogram_quantile({share}, {waited})",
                    f"p{share * 100:g}",
                )
                for share in (0.5, 0.99)
            ],
            unit="s",
            alerts=("FreshnessBudgetBurning", "QualityNotMeasured", "EventTimesAhead"),
        ),
        lines(
            "Time of a measurement",
            "How long metrics takes to measure what has changed, mean: the next one begins a second after. And to walk "
            "through all units of a place, for what all of them say together.",
            [
                (
                    f"sum(rate({measured}_sum{SERVICE}{RATE})) / sum(rate({measured}_count{SERVICE}{RATE}))",
                    "measurement",
                ),
                (
                    f"sum(rate({surveyed}_sum{SERVICE}{RATE})) / sum(rate({surveyed}_count{SERVICE}{RATE}))",
                    "survey",
                ),
            ],
            unit="s",
            alerts=("QualityNotMeasured",),
        ),
        lines(
            "Units in memory of metrics",
            "Units whose lots are not settled for good, of the largest process: its memory grows with them.",
            [(f"max(concord_metrics_units_open{SERVICE})", "units")],
            alerts=("MemoryNearLimit",),
        ),
        lines(
            "Withheld, or not measured",
            "Projects, and parts of projects, that have no series for want of room, by kind; and projects whose last "
            "measurement failed. No alert looks at either.",
            [
                (f"sum by (kind) (concord_metrics_series_withheld{SERVICE})", "withheld {{kind}}"),
                (f"sum(concord_metrics_projects_unmeasured{SERVICE})", "projects not measured"),
            ],
            unit="none",
            alerts=("SeriesWithheld", "ProjectNotMeasured"),
        ),
    ]
