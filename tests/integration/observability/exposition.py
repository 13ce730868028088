"""Expositions as services and workbench would show them, fed from their own instrument tables with sample values.

Each look at one moves it on: counters and histograms grow, so that rates have something to say.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product

from concord.chassis.http.application import show_ready
from concord.chassis.http.observed import INSTRUMENTS as HTTP_INSTRUMENTS
from concord.chassis.telemetry import Instrument, Telemetry, exposition
from tests.integration.observability.instruments import EVERYONES, OWN, WITHOUT_JOURNAL, show_journal

LABEL_VALUES = {
    "annotator": ("w1", "w2"),
    "client": ("k1",),
    "dependency": ("store", "broker"),
    "field": ("severity", "toxic"),
    "file": ("authority",),
    "how": ("compared", "expired"),
    "kind": ("annotator", "email", "project"),
    "loop": ("lots",),
    "measure": ("alpha", "label_error_rate", "audit_pass_rate", "turnaround_p95_seconds"),
    "outcome": ("handed on", "loading"),
    "project": ("k1-p",),
    "result": ("correct", "renewed", "wrong"),
    "route": ("/v1/me",),
    "rule": ("pace", "skips"),
    "state": ("labelling", "idle"),
    "status": ("200", "401", "503", "accepted", "admitted"),
    "then": ("break", "pause"),
    "topic": ("concord.units.v1",),
    "verdict": ("accepted", "consensus", "rejected", "ruled"),
}
SAMPLE = 0.75
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
"""Of what is measured."""
SAMPLES = {"concord_annotator_gold_units": 30.0}
"""Of what is looked at from a number on."""


FOUNDATIONS = """\
kafka_topic_partition_under_replicated_partition{topic="concord.units.v1",partition="0"} 0
kafka_topic_partition_in_sync_replica{topic="concord.units.v1",partition="0"} 3
kafka_consumergroup_lag{consumergroup="assign",topic="concord.units.v1",partition="0"} 7
kubelet_volume_stats_available_bytes{namespace="concord",persistentvolumeclaim="data-0-concord-nodes-0"} 4e10
kubelet_volume_stats_capacity_bytes{namespace="concord",persistentvolumeclaim="data-0-concord-nodes-0"} 1e11
mongodb_rs_members_health{set="rs0",member_idx="mongodb-0",member_state="PRIMARY"} 1
mongodb_rs_members_optimeDate{set="rs0",member_idx="mongodb-0",member_state="PRIMARY"} 2000
mongodb_rs_members_optimeDate{set="rs0",member_idx="mongodb-1",member_state="SECONDARY"} 1000
mongodb_mongod_replset_oplog_head_timestamp{} 1.7e9
mongodb_mongod_replset_oplog_tail_timestamp{} 1.6e9
mongodb_ss_connections{conn_type="current"} 40
mongodb_ss_connections{conn_type="available"} 960
strimzi_certificate_expiration_timestamp_ms{cluster="concord"} 4e12
certmanager_certificate_expiration_timestamp_seconds{name="concord-gateway",namespace="concord"} 4e9
"""
"""What others tell of brokers, store, disks and certificates, by the names that their exporters give it."""


class _AlwaysReady:
    serving = True

    def reasons(self) -> list[str]:
        return []

    def lacking(self) -> list[str]:
        return []


class Exposition:
    """What one service shows."""

    def __init__(self, service: str) -> None:
        self.telemetry = Telemetry(service)
        everyones = HTTP_INSTRUMENTS if service == "workbench" else EVERYONES
        self.tables = [self.telemetry.instruments(table) for table in (OWN[service], everyones)]
        self.lines = [*((0, instrument) for instrument in OWN[service]), *((1, everyone) for everyone in everyones)]
        self.telemetry.show_process()
        show_ready(_AlwaysReady(), self.telemetry)
        if service not in WITHOUT_JOURNAL:
            show_journal(self.telemetry)

    def page(self, accept: str = "") -> tuple[bytes, Mapping[str, str]]:
        """Return the exposition, moved on by one, and its headers."""
        for table, line in self.lines:
            for labels in self._labels(line):
                if line.kind == "counter":
                    self.tables[table].counter(line.name, *labels).inc()
                elif line.kind == "gauge":
                    self.tables[table].gauge(line.name, *labels).set(SAMPLES.get(line.name, SAMPLE))
                else:
                    self.tables[table].histogram(line.name, *labels).observe(SAMPLE, {"trace_id": TRACE_ID})
        return exposition(self.telemetry.registry, accept)

    def _labels(self, line: Instrument) -> Iterator[tuple[str, ...]]:
        values = {**LABEL_VALUES, "service": (self.telemetry.service,)}
        return product(*(values[label] for label in line.labels))


@contextmanager
def exposed() -> Iterator[dict[str, str]]:
    """Serve all expositions while the block runs; give the address of each by service."""
    with ExitStack() as open_doors:
        yield {service: open_doors.enter_context(_door(Exposition(service).page)) for service in OWN}


@contextmanager
def foundations() -> Iterator[dict[str, str]]:
    """Serve what others tell of what Concord stands on while the block runs; give the address by its job."""
    with _door(lambda accept: (FOUNDATIONS.encode(), {"content-type": "text/plain; version=0.0.4"})) as address:
        yield {"foundations": address}


@contextmanager
def _door(page: Callable[[str], tuple[bytes, Mapping[str, str]]]) -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = page(self.headers.get("accept", ""))
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            del format, arguments

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
