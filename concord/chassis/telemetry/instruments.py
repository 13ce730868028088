"""Prometheus instruments, declared as a table and kept as children: a labelled look-up a call costs four times more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

OPENMETRICS = "application/openmetrics-text"
LABEL_VALUES_MAX = 10_000
"""Children of one instrument; more is a label that grows with the data, which Prometheus cannot hold."""
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

disable_created_metrics()  # type: ignore[no-untyped-call] # a series more for each, which nothing here asks for


@dataclass(frozen=True, slots=True)
class Instrument:
    """One line of a service's table of what it emits.

    Attributes:
        name: the series' name without suffix, `concord_<service>_<what>_<unit>`; a counter gets `_total` by itself.
        kind: what it does.
        help: what it means, as a sentence for whoever reads the dashboard.
        labels: names of its labels; their values come from closed or bounded sets, never from users' text.
        buckets: upper bounds of a histogram.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=SECONDS_BUCKETS)


class Instruments:
    """The instruments of one table, registered in one registry; each child is made once and kept.

    Args:
        registry: where they are shown; one a bootstrap, so that one process can hold several services.
        table: what the service emits.
    """

    def __init__(self, registry: CollectorRegistry, table: Sequence[Instrument]) -> None:
        self._kinds = {line.name: line for line in table}
        self._parents: dict[str, Counter | Gauge | Histogram] = {}
        self._children: dict[tuple[str, ...], Counter | Gauge | Histogram] = {}
        for line in table:
            if line.kind == "counter":
                self._parents[line.name] = Counter(line.name, line.help, line.labels, registry=registry)
            elif line.kind == "gauge":
                self._parents[line.name] = Gauge(line.name, line.help, line.labels, registry=registry)
            else:
                self._parents[line.name] = Histogram(
                    line.name, line.help, line.labels, registry=registry, buckets=line.buckets
                )

    def counter(self, name: str, *labels: str) -> Counter:
        """Return the counter with these label values, in the table's order; `inc(n)` it once a batch."""
        return cast("Counter", self._child(name, "counter", labels))

    def gauge(self, name: str, *labels: str) -> Gauge:
        """Return the gauge with these label values, in the table's order."""
        return cast("Gauge", self._child(name, "gauge", labels))

    def histogram(self, name: str, *labels: str) -> Histogram:
        """Return the histogram with these label values, in the table's order."""
        return cast("Histogram", self._child(name, "histogram", labels))

    def forget(self, name: str, *labels: str) -> None:
        """Show this child no longer: its project or annotator is gone."""
        if self._children.pop((name, *labels), None) is not None:
            self._parents[name].remove(*labels)

    def forget_all(self, *labels: str) -> None:
        """Show no longer what begins with these labels, whatever follows them."""
        for name, *own in [key for key in self._children if key[1 : 1 + len(labels)] == labels]:
            self.forget(name, *own)

    def _child(self, name: str, kind: str, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
        child = self._children.get((name, *labels))
        if child is not None:
            return child
        line = self._kinds[name]
        assert line.kind == kind, f"{name} is a {line.kind}, not a {kind}"
        assert len(labels) == len(line.labels), f"{name} has the labels {line.labels}"
        assert len(self._children) < LABEL_VALUES_MAX, f"{name} has more than {LABEL_VALUES_MAX} children"
        parent = self._parents[name]
        child = parent.labels(*labels) if labels else parent
        self._children[(name, *labels)] = child
        return child


def exposition(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, Mapping[str, str]]:
    """Return what Prometheus scrapes, and its headers: OpenMetrics, which has exemplars, where it is asked for."""
    if OPENMETRICS in accept:
        text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call] # it says no types
        return text, {"content-type": openmetrics.CONTENT_TYPE_LATEST}
    return generate_latest(registry), {"content-type": CONTENT_TYPE_LATEST}
