"""The row of what Concord stands on, as others tell of it; empty where their exporters are not scraped."""

from grafana_foundation_sdk.models.dashboard import Threshold

from deploy.observability.panels import Panel, lines

TOPICS = 'topic=~"concord[.].*|metrics-.*|__consumer_offsets"'
GROUPS = 'consumergroup=~"ingest|assign|adjudicate|audit|metrics"'


def foundations() -> list[Panel]:
    """Return the panels of brokers, store, disks and certificates."""
    left = 'kubelet_volume_stats_available_bytes{namespace=~"concord|mongodb"} / kubelet_volume_stats_capacity_bytes'
    return [
        lines(
            "Copies of partitions",
            "Partitions with fewer copies in sync than they should have, and the fewest that any has: three, of which "
            "two must have what is acknowledged.",
            [
                (f"sum(kafka_topic_partition_under_replicated_partition{{{TOPICS}}})", "under-replicated"),
                (f"min(kafka_topic_partition_in_sync_replica{{{TOPICS}}})", "fewest in sync"),
            ],
            alerts=("KafkaUnderReplicated", "KafkaBelowMinimum"),
        ),
        lines(
            "Lag, as the brokers see it",
            "Records that wait for each service, whether or not it has a process.",
            [(f"sum by (consumergroup) (kafka_consumergroup_lag{{{GROUPS}}})", "{{consumergroup}}")],
            alerts=("GroupFallsBehind",),
        ),
        lines(
            "Disks",
            "How full each disk of the brokers and of the store is.",
            [(f"max by (persistentvolumeclaim) (1 - {left})", "{{persistentvolumeclaim}}")],
            unit="percentunit",
            steps=(
                Threshold(color="transparent"),
                Threshold(value=0.75, color="orange"),
                Threshold(value=0.92, color="red"),
            ),
            alerts=("DiskFilling", "DiskFull"),
        ),
        *_store(),
        lines(
            "Series of what is watched",
            "How many series come from each exporter: where a line is missing no alert that rests on it can fire.",
            [
                (f"count({series})", name)
                for name, series in (
                    ("kafka-exporter", "kafka_topic_partition_in_sync_replica"),
                    ("mongodb-exporter", "mongodb_rs_members_health"),
                    ("kubelet", 'kubelet_volume_stats_capacity_bytes{namespace=~"concord|mongodb"}'),
                    ("strimzi-operator", "strimzi_certificate_expiration_timestamp_ms"),
                    ("cert-manager", "certmanager_certificate_expiration_timestamp_seconds"),
                )
            ],
            alerts=("FoundationNotWatched",),
        ),
        lines(
            "Certificates",
            "When certificates of the brokers and of the public hosts end, and those by which services reach broker "
            "and store, in days from now.",
            [
                (
                    "(min by (cluster) (strimzi_certificate_expiration_timestamp_ms) / 1000 - time()) / 86400",
                    "{{cluster}}",
                ),
                (
                    "(min by (name) (certmanager_certificate_expiration_timestamp_seconds) - time()) / 86400",
                    "{{name}}",
                ),
                (
                    "(min by (dependency, file) (concord_certificate_expiration_timestamp_seconds) - time()) / 86400",
                    "{{dependency}} {{file}}",
                ),
            ],
            unit="none",
            alerts=("CertificateExpiring",),
        ),
    ]


def _store() -> list[Panel]:
    taken, free = (f'mongodb_ss_connections{{conn_type="{kind}"}}' for kind in ("current", "available"))
    oplog = "mongodb_mongod_replset_oplog_"
    written = "mongodb_rs_members_optimeDate{member_state="
    behind = f'max by (set) ({written}"PRIMARY"}}) - min by (set) ({written}"SECONDARY"}})'
    return [
        lines(
            "Members of the store",
            "How many members of the store's set answer, how far the last one is behind its primary, and the share of "
            "connections that are taken.",
            [
                ("sum by (set) (mongodb_rs_members_health)", "{{set}} members"),
                (f"({behind}) / 1000", "{{set}} seconds behind"),
                (f"max({taken} / on (instance) ({taken} + on (instance) {free}))", "connections taken"),
            ],
            unit="none",
            alerts=("MongoMemberGone", "MongoReplicationLag", "MongoConnectionsUsedUp"),
        ),
        lines(
            "What the oplog holds",
            "How far back each member's oplog goes: who is away longer is filled anew.",
            [(f"min by (instance) ({oplog}head_timestamp - {oplog}tail_timestamp)", "{{instance}}")],
            unit="s",
            alerts=("MongoOplogShort",),
        ),
    ]
