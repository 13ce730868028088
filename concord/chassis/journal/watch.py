"""What a journal tells Prometheus, read from its own counts when it is asked."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from concord.chassis.journal.journal import Journal


class _Watch(Collector):
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def collect(self) -> Iterator[Metric]:
        """Yield the counts as they are now."""
        commits, publisher = self.journal.commits, self.journal.publisher
        yield _counter("records", "Records appended to the journal.", commits.records_stored)
        yield _counter("lost", "Appends that lost their sequence number and were decided anew.", commits.records_lost)
        yield _counter("commits", "Group commits; records by commits is their mean size.", commits.number - 1)
        swept = self.journal.sweeper.events_swept
        yield _counter("events_swept", "Events published in another process's stead.", swept)
        earlier = "Records said in another process's stead before those that were looked for: two decided in turn."
        yield _counter("earlier_swept", earlier, self.journal.sweeper.earlier_swept)
        parked = "Events that no broker takes, kept in the collection `parked`."
        yield _counter("events_parked", parked, publisher.events_parked)
        unsettled = "Records that a read model could not be brought up to."
        yield _counter("unsettled", unsettled, self.journal.settling.failures)
        left = "Open markers of closed aggregates that are left to the next start."
        yield _counter("markers_left", left, self.journal.markers.left_behind)
        heads = GaugeMetricFamily("concord_journal_heads_bytes", "Heads of aggregates in memory, by weight.")
        heads.add_metric([], self.journal.heads_bytes)
        yield heads
        held = GaugeMetricFamily("concord_publisher_held_bytes", "Events in memory that are not published.")
        held.add_metric([], publisher.held_bytes)
        yield held
        backlog = GaugeMetricFamily("concord_publisher_backlog_events", "Events stored and not yet published.")
        backlog.add_metric([], publisher.backlog_events)
        yield backlog


def _counter(name: str, what: str, count: int) -> Metric:
    family = CounterMetricFamily(f"concord_journal_{name}", what)
    family.add_metric([], count)
    return family


def watch(registry: CollectorRegistry, journal: Journal) -> None:
    """Show a journal's counts in a registry."""
    registry.register(_Watch(journal))
