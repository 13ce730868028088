"""The board of who is on call: objectives, processes, what goes through the services, and what they stand on."""

from grafana_foundation_sdk.models.dashboard import Threshold

from deploy.observability.foundations import foundations
from deploy.observability.panels import ALL_IS_BEST, NONE_IS_BEST, RATE, Panel, lines, number
from deploy.observability.stream import OF, SERVICE, events, numbers

JOB = f'{{job="concord", {OF}}}'
MEMORY = f"max by (service) (process_resident_memory_bytes{JOB}) / on (service) concord:memory_limit:bytes{SERVICE}"
OBJECTIVES = ("FreshnessBudgetBurning", "AvailabilityBudgetBurning", "SubmissionBudgetBurning", "BudgetBurningSlowly")
GONE = ("ServiceNotAnswering", "ServiceRestarting")


def rows() -> list[tuple[str, list[Panel]]]:
    """Return the board's rows."""
    return [
        ("Now", _now()),
        ("Objectives of the services", _objectives()),
        ("Processes", [*_processes(), *_held()]),
        ("Doors", _requests()),
        ("Events", events()),
        ("Numbers", numbers()),
        ("Sessions and webhooks", _edges()),
        ("What Concord stands on, whichever service is chosen", foundations()),
    ]


def _now() -> list[Panel]:
    return [
        number(
            "Processes ready",
            "The least share of a service's processes that answer and want requests.",
            f"min((sum by (service) (concord_ready{SERVICE}) or 0 * sum by (service) (up{JOB})) "
            f"/ count by (service) (up{JOB}))",
            decimals=2,
            unit="percentunit",
            steps=ALL_IS_BEST,
            alerts=GONE,
        ),
        number(
            "Store and brokers",
            "Whether all that the processes need has answered when it was last asked.",
            f"min(concord_dependency_up{SERVICE})",
            steps=ALL_IS_BEST,
            alerts=("StoreNotAnswering", "BrokerNotAnswering"),
        ),
        number(
            "Dead letters within the hour",
            "Records that were set aside: each single one matters.",
            f"sum(increase(concord_dead_letters_total{SERVICE}[1h]))",
            steps=NONE_IS_BEST,
            alerts=("DeadLettersArriving", "EventsParked"),
        ),
        number(
            "Alerts firing",
            "Of the services chosen, tickets among them, as Prometheus has them.",
            f'count(ALERTS{{alertstate="firing", severity!="none", {OF}}}) or vector(0)',
            steps=NONE_IS_BEST,
            alerts=("Watchdog",),
        ),
    ]


def _objectives() -> list[Panel]:
    spent = f"sum_over_time(concord:objective_missed:rate5m{SERVICE}[28d])"
    of_all = f"sum_over_time(concord:objective_events:rate5m{SERVICE}[28d])"
    of_what_is_allowed = "/ on (objective) group_left () concord:objective_allowed:ratio"
    return [
        lines(
            "Budget left of 28 days",
            "Of what an objective allows to be missed, the share that is left: labels in the measures within 5 s "
            "(99 %), requests answered without a fault of ours (99.9 %), labels acknowledged within 1 s (99 %). Under "
            "zero it is missed.",
            [(f"1 - {spent} / {of_all} {of_what_is_allowed}", "{{service}} {{objective}}")],
            unit="percentunit",
            steps=(Threshold(color="red"), Threshold(value=0.0, color="transparent")),
            alerts=OBJECTIVES,
        ),
        lines(
            "Burn rate",
            "How many times faster than allowed the budget is used up, within the last hour and the last six. Above "
            "14.4 and 6 a page follows, above 1 for three days a ticket.",
            [
                (
                    f"concord:objective_missed:ratio_rate{window}{SERVICE} {of_what_is_allowed}",
                    f"{{{{service}}}} {{{{objective}}}} {window}",
                )
                for window in ("1h", "6h")
            ],
            unit="none",
            alerts=OBJECTIVES,
        ),
    ]


def _processes() -> list[Panel]:
    return [
        lines(
            "Processes that answer, and those that are ready",
            "How many processes of each service and of the workbench answered the last scrape; two of each, or as many "
            "as its load asks for. And how many of them want requests.",
            [
                (f"sum by (service) (up{JOB})", "{{service}}"),
                (f"sum by (service) (concord_ready{SERVICE})", "{{service}} ready"),
            ],
            alerts=GONE,
        ),
        lines(
            "Store and brokers, as each service has them",
            "Whether what a service needs answered every process of it when it was last asked: 1 or 0.",
            [(f"min by (service, dependency) (concord_dependency_up{SERVICE})", "{{service}} {{dependency}}")],
            unit="none",
            alerts=("StoreNotAnswering", "BrokerNotAnswering"),
        ),
        lines(
            "Starts within the hour, and builds",
            "How often processes of a service started anew within the hour, and how many run of which build: two "
            "numbers of one service are a release that is under way, or was left half done.",
            [
                (f"sum by (service) (changes(process_start_time_seconds{JOB}[1h]))", "{{service}} starts"),
                (f"count by (service, version) (concord_build_info{JOB})", "{{service}} {{version}}"),
            ],
            alerts=("ServiceRestarting",),
        ),
        lines(
            "Loops",
            "How long ago each loop of a service last ended a turn, and turns that failed within the hour.",
            [
                (
                    f"time() - min by (service, loop) (concord_loop_turn_timestamp_seconds{SERVICE})",
                    "{{service}} {{loop}}",
                ),
                (
                    f"sum by (service, loop) (increase(concord_loop_failures_total{SERVICE}[1h]))",
                    "{{service}} {{loop}} failed",
                ),
            ],
            unit="none",
            alerts=("LoopFailing", "LoopStandsStill", "LeasesOverdue"),
        ),
        _files(),
    ]


def _held() -> list[Panel]:
    return [
        lines(
            "Memory",
            "Resident memory of the largest process of each service, as a share of what the manifests let it have.",
            [(MEMORY, "{{service}}")],
            unit="percentunit",
            steps=(Threshold(color="transparent"), Threshold(value=0.85, color="red")),
            alerts=("MemoryNearLimit",),
        ),
        lines(
            "Processor",
            "Processor time of the busiest process of each service, in cores: each is one event loop, so at 1 it is "
            "full.",
            [(f"max by (service) (rate(process_cpu_seconds_total{JOB}{RATE}))", "{{service}}")],
            unit="none",
            steps=(Threshold(color="transparent"), Threshold(value=0.9, color="red")),
        ),
        lines(
            "Open files",
            "Files and connections that the busiest process of each service has open, of as many as it may.",
            [(f"max by (service) (process_open_fds{JOB} / process_max_fds{JOB})", "{{service}}")],
            unit="percentunit",
            steps=(Threshold(color="transparent"), Threshold(value=0.8, color="orange")),
        ),
        lines(
            "Held in memory",
            "Of the largest process of each service: newest records of what is open, and events that are not "
            "published.",
            [
                (f"max by (service) (concord_journal_heads_bytes{SERVICE})", "{{service}} open"),
                (f"max by (service) (concord_publisher_held_bytes{SERVICE})", "{{service}} unpublished"),
            ],
            unit="bytes",
            alerts=("MemoryNearLimit", "PublisherBacklog"),
        ),
    ]


def _files() -> Panel:
    return lines(
        "Files refused",
        "Processes of each service that cannot use the identity file, or one of certificates, as it is, and go by what "
        "it said before.",
        [
            (f"sum by (service) (concord_identity_file_refused{SERVICE})", "{{service}} identity"),
            (
                f"sum by (service, dependency, file) (concord_certificate_file_refused{SERVICE})",
                "{{service}} {{dependency}} {{file}}",
            ),
        ],
        steps=(Threshold(color="transparent"), Threshold(value=1.0, color="orange")),
        alerts=("IdentityFileRefused", "CertificateFileRefused"),
    )


def _requests() -> list[Panel]:
    counted = "concord_http_request_seconds_count"
    refused = f'sum by (service, status) (rate({counted}{{{OF}, status=~"401|429"}}{RATE}))'
    took = f"rate(concord_http_request_seconds_bucket{SERVICE}{RATE})"
    return [
        lines(
            "Requests",
            "Requests a second by service, and those of them that failed by the service's own fault.",
            [
                (f"sum by (service) (rate({counted}{SERVICE}{RATE}))", "{{service}}"),
                (
                    f'sum by (service) (rate({counted}{{{OF}, status=~"5.."}}{RATE}))',
                    "{{service}} failed",
                ),
            ],
            unit="reqps",
            alerts=("RequestsFailing",),
        ),
        lines(
            "Requests refused",
            "Of all requests of a service, the share that was answered 401 (no credential that holds) and 429 (too "
            "many at once, or no room).",
            [
                (
                    f"{refused} / on (service) group_left () sum by (service) (rate({counted}{SERVICE}{RATE}))",
                    "{{service}} {{status}}",
                )
            ],
            unit="percentunit",
            alerts=("CredentialsRefused", "RequestsTurnedAway"),
        ),
        lines(
            "Time of an answer, 99th percentile",
            "By service, bulk routes among them. A dot is a request whose trace is recorded, and leads to it.",
            [(f"histogram_quantile(0.99, sum by (service, le) ({took}))", "{{service}}")],
            unit="s",
            alerts=("SubmissionBudgetBurning",),
            exemplars=True,
        ),
        lines(
            "Requests in flight",
            "Requests that are being served, waiting claims among them: a process takes 1,000 at once, 64 of one "
            "caller.",
            [(f"sum by (service) (concord_http_requests_in_flight{SERVICE})", "{{service}}")],
            alerts=("RequestsTurnedAway",),
        ),
        lines(
            "Requests handed on",
            "Requests a second that another process owns: handed on, or refused, for its place is loading or being "
            "dealt, nobody answers there, or no more may be handed on. Refusals are right while a process comes or "
            "goes; any that last are not.",
            [
                (
                    f"sum by (service, outcome) (rate(concord_http_forwards_total{SERVICE}{RATE}))",
                    "{{service}} {{outcome}}",
                )
            ],
            unit="reqps",
            alerts=("ServiceNotAnswering",),
        ),
    ]


def _edges() -> list[Panel]:
    return [
        lines(
            "Workbench",
            "Sessions renewed, refused or not answered by the issuer, a minute; annotators who wait for work and live "
            "pages, which at most 400 and 100 of a process may.",
            [
                (
                    f"60 * sum by (result) (rate(concord_workbench_renewals_total{SERVICE}{RATE}))",
                    "{{result}} a minute",
                ),
                (f"sum(concord_workbench_waits{SERVICE})", "waiting"),
                (f"sum(concord_workbench_streams{SERVICE})", "live pages"),
            ],
            alerts=("CredentialsRefused",),
        ),
        lines(
            "Webhooks",
            "Attempts to deliver, a second; deliveries that wait, and the hours that the one which waits longest has.",
            [
                (f"sum by (result) (rate(concord_audit_webhook_attempts_total{SERVICE}{RATE}))", "{{result}}"),
                (f"sum(concord_audit_webhooks_waiting{SERVICE})", "waiting"),
                (f"max(concord_audit_project_webhook_oldest_seconds{SERVICE}) / 3600", "hours of the oldest"),
                (f"sum(increase(concord_audit_webhook_dead_letters_total{SERVICE}[1h]))", "dead within an hour"),
            ],
            unit="none",
            alerts=("WebhookNotDelivered", "WebhookDeliveriesDead"),
        ),
    ]
