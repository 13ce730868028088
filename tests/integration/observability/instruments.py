"""Every instrument of the services and the workbench, from their tables; the journal's from what it really collects."""

import random

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.certificate_watch import CERTIFICATE_INSTRUMENTS
from concord.chassis.clock import SystemClock
from concord.chassis.consumer import CONSUMER_INSTRUMENTS
from concord.chassis.http.observed import INSTRUMENTS as HTTP_INSTRUMENTS
from concord.chassis.identity_watch import IDENTITY_INSTRUMENTS
from concord.chassis.journal.part import JournalPart
from concord.chassis.places.forward import INSTRUMENTS as FORWARD_INSTRUMENTS
from concord.chassis.runtime.dependencies import DEPENDENCY_INSTRUMENTS
from concord.chassis.runtime.loops import LOOP_INSTRUMENTS
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.telemetry import Instrument, Telemetry
from services.adjudicate.telemetry import INSTRUMENTS as ADJUDICATE
from services.assign.telemetry import INSTRUMENTS as ASSIGN
from services.audit.telemetry import INSTRUMENTS as AUDIT
from services.ingest.telemetry import INSTRUMENTS as INGEST
from services.metrics.telemetry import (
    ANNOTATOR_INSTRUMENTS,
    DRIFT_INSTRUMENTS,
    FIELD_INSTRUMENTS,
    POSITION_INSTRUMENTS,
    PROJECT_INSTRUMENTS,
    READING_INSTRUMENTS,
    TARGET_INSTRUMENTS,
)
from services.metrics.telemetry import INSTRUMENTS as METRICS
from workbench.telemetry import INSTRUMENTS as WORKBENCH

OWN: dict[str, tuple[Instrument, ...]] = {
    "ingest": INGEST,
    "assign": ASSIGN,
    "adjudicate": ADJUDICATE,
    "audit": AUDIT,
    "metrics": (
        *METRICS,
        *PROJECT_INSTRUMENTS,
        *TARGET_INSTRUMENTS,
        *ANNOTATOR_INSTRUMENTS,
        *DRIFT_INSTRUMENTS,
        *FIELD_INSTRUMENTS,
        *POSITION_INSTRUMENTS,
        *READING_INSTRUMENTS,
    ),
    "workbench": WORKBENCH,
}
EVERYONES = (
    *CONSUMER_INSTRUMENTS,
    *HTTP_INSTRUMENTS,
    *LOOP_INSTRUMENTS,
    *DEPENDENCY_INSTRUMENTS,
    *CERTIFICATE_INSTRUMENTS,
    *IDENTITY_INSTRUMENTS,
    *FORWARD_INSTRUMENTS,
)
WITHOUT_JOURNAL = frozenset({"metrics", "workbench"})


def show_journal(telemetry: Telemetry) -> None:
    """Show an empty journal's series."""
    clock = SystemClock()
    store = MemoryStore(MemoryDatabase(random.Random(1)))
    broker = MemoryBroker(MemoryCluster(clock, random.Random(1)), telemetry.service)
    JournalPart(store, broker, "writer", clock, telemetry)


def journal() -> list[Instrument]:
    """Return the journal's series as instruments."""
    telemetry = Telemetry("ingest")
    show_journal(telemetry)
    return [
        Instrument(metric.name, "counter" if metric.type == "counter" else "gauge", metric.documentation)
        for metric in telemetry.registry.collect()
    ]


def process() -> list[Instrument]:
    """Return what every process shows of itself."""
    telemetry = Telemetry("ingest")
    telemetry.show_process()
    shown = [(metric, metric.samples[0]) for metric in telemetry.registry.collect() if metric.samples]
    # What an info is called, and its labels, are known by its one sample alone.
    return [
        Instrument(
            sample.name if metric.type == "info" else metric.name,
            "counter" if metric.type == "counter" else "gauge",
            metric.documentation,
            tuple(sample.labels),
        )
        for metric, sample in shown
    ]


READY = Instrument("concord_ready", "gauge", "Whether requests should come here: 1 or 0.")


def everything() -> list[Instrument]:
    """Return every instrument of every service."""
    return [READY, *EVERYONES, *journal(), *process(), *(instrument for table in OWN.values() for instrument in table)]
