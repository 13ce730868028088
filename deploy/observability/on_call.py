"""The dashboard's rows for whoever is on call: objectives, processes, and what goes through the services."""

from grafana_foundation_sdk.builders import stat, timeseries

from deploy.observability.panels import lines


def objectives() -> list[stat.Panel | timeseries.Panel]:
    """Return what the services promise, and how much of it is used up."""
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


def processes() -> list[stat.Panel | timeseries.Panel]:
    """Return the processes: that they are there, and what they use."""
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


def services() -> list[stat.Panel | timeseries.Panel]:
    """Return what goes through the services."""
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
            [
                ("sum by (service, topic) (concord_dead_letters_total)", "{{service}} {{topic}}"),
                ("sum by (service) (increase(concord_dead_letters_total[1h]))", "{{service}} within the hour"),
            ],
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


def bounds() -> list[stat.Panel | timeseries.Panel]:
    """Return what is near a bound: of what is open, of what is shown, of the time that measuring takes."""
    rate, measured = "[$__rate_interval]", "concord_metrics_measure_seconds"
    return [
        lines(
            "Time of a measurement",
            "How long metrics takes to measure what has changed, and to survey a project's labels, mean; and what it "
            "withholds from Prometheus because there is too much of it.",
            [
                (
                    f"sum(rate({measured}_sum{rate})) / sum(rate({measured}_count{rate}))",
                    "measurement",
                ),
                ("sum by (kind) (concord_metrics_series_withheld)", "withheld {{kind}}"),
            ],
            unit="none",
        ),
        lines(
            "Room for units",
            "Units that are open in the projects of ingest, and how many may be: beyond it a client's records wait.",
            [
                ("sum(concord_ingest_open_units)", "open"),
                ("sum(concord_ingest_open_units_max)", "may be open"),
            ],
        ),
    ]
