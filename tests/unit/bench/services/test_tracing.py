"""The bench of traces: off, nothing of them is left in the way; on, all of it is."""

import random
from itertools import pairwise

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from bench.services.tracing import Switched, ranks
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.store.traced import TracedStore
from concord.chassis.telemetry import Telemetry


async def test_what_makes_spans_is_out_of_the_way_while_traces_are_off() -> None:
    spans = InMemorySpanExporter()
    tracing = Telemetry("bench", spans, at_once=True, sampler=ALWAYS_ON).tracing
    inner = MemoryStore(MemoryDatabase(random.Random(1)))
    outer = TracedStore(inner, tracing)
    traces = Switched([tracing], [(outer, inner)])
    for on in (False, True, False):
        traces.turn(on=on)
        before = len(spans.get_finished_spans())
        with tracing.span("a request"):
            await outer.delete("things", ["none"])
        assert len(spans.get_finished_spans()) - before == (2 if on else 0)
        assert (outer.delete == inner.delete) is not on


def test_the_ranks_of_a_median_close_in_on_the_middle() -> None:
    assert ranks(1) == (0.0, 0.0)
    widths = [(high - low) / count for count in (10, 100, 1_000) for low, high in [ranks(count)]]
    assert all(wider > narrower for wider, narrower in pairwise(widths))
