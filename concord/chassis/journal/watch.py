"""What a journal tells Prometheus, read from its own counts when it is asked."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from concord.chassis.journal.group_commit import GroupCommit
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.sweeper import Sweeper


class _Watch(Collector):
    def __init__(self, commits: GroupCommit, publisher: Publisher, sweeper: Sweeper) -> None:
        self.commits = commits
        self.publisher = publisher
        self.sweeper = sweeper

    def collect(self) -> Iterator[Metric]:
        """Yield the counts as they are now."""
        stored = CounterMetricFamily("concord_journal_records", "Records appended to the journal.")
        stored.add_metric([], self.commits.records_stored)
        lost = CounterMetricFamily(
            "concord_journal_lost", "Appends that lost their sequence number and were decided anew."
        )
        lost.add_metric([], self.commits.records_lost)
        groups = CounterMetricFamily("concord_journal_commits", "Group commits; records by commits is their mean size.")
        groups.add_metric([], self.commits.number - 1)
        swept = CounterMetricFamily("concord_journal_events_swept", "Events published in another process's stead.")
        swept.add_metric([], self.sweeper.events_swept)
        backlog = GaugeMetricFamily("concord_publisher_backlog_events", "Events stored and not yet published.")
        backlog.add_metric([], self.publisher.backlog_events)
        yield from (stored, lost, groups, swept, backlog)


def watch(registry: CollectorRegistry, commits: GroupCommit, publisher: Publisher, sweeper: Sweeper) -> None:
    """Show a journal's counts in a registry."""
    registry.register(_Watch(commits, publisher, sweeper))
