"""Traces of lots: what is decided on a lot goes on in the trace of a unit of it, and is linked to those of the others.

So whoever follows a unit that was recorded comes to the sample that was drawn, the verdict and the certificate. A unit
keeps its trace with its record, so a lot finds the same ones in any process; what is kept in memory is a hint.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from opentelemetry.trace import Span

from concord.chassis.telemetry import BATCH_LINKS_MAX, trace_headers, trace_id_of, trace_of
from services.audit.domain.lot import LotState
from services.audit.domain.place import OpenLot
from services.audit.domain.unit import UnitState
from services.audit.handlers.means import Means

log = logging.getLogger(__name__)

LOT_TRACES_MAX = BATCH_LINKS_MAX
"""Traces that are kept, and told, of a lot."""
PROJECT_ID, LOT_ID = "concord.project.id", "concord.lot.id"
STATUS, CERTIFICATE = "concord.lot.status", "concord.certificate.sha256"
FORMAT = "concord.export.format"


def traces_of(units: Iterable[UnitState], before: Sequence[str] = ()) -> list[str]:
    """Return the traces of units after those that are known, one of each, at most LOT_TRACES_MAX."""
    found = {trace_id_of(traceparent): traceparent for traceparent in before}
    for unit in units:
        if len(found) >= LOT_TRACES_MAX:
            break
        if unit.traceparent:
            found.setdefault(trace_id_of(unit.traceparent), unit.traceparent)
    return list(found.values())


@asynccontextmanager
async def lot_span(means: Means, name: str, lot: OpenLot, unit_ids: Sequence[str] | None = None) -> AsyncIterator[Span]:
    """Make the span of what is decided on a lot current; see `Tracing.continued`.

    Args:
        means: where its units are found.
        name: what is decided.
        lot: which.
        unit_ids: its units, where it has none yet.
    """
    state, traces = lot.state, lot.traces
    if means.tracing.on and traces is None:
        traces = await _traces(means, state.unit_ids if unit_ids is None else unit_ids)
        lot.traces = traces if unit_ids is None else None
    origins = [trace_of(traceparent) for traceparent in (*(traces or ()), lot.asked)]
    with means.tracing.continued(name, origins, _told_of(state)) as span:
        try:
            yield span
        except Exception as fault:
            # Why is said where it is served, out of this trace, by the lot's id.
            log.warning("lot %s: %s ended by %s", state.lot_id, name, type(fault).__qualname__)
            raise


@asynccontextmanager
async def export_span(means: Means, lot: LotState, name: str) -> AsyncIterator[None]:
    """Make the span current of a lot that leaves in a format for the first time; see `Tracing.continued`.

    It goes on in its units' traces, and is linked to the request that asks for the lot.
    """
    if not means.tracing.on:
        yield
        return
    traces = await _traces(means, lot.unit_ids)
    origins = [*map(trace_of, traces), trace_headers()]
    with means.tracing.continued("export lot", origins, {**_told_of(lot), FORMAT: name}):
        yield


def _told_of(lot: LotState) -> dict[str, str | int]:
    return {
        PROJECT_ID: lot.project_id,
        LOT_ID: lot.lot_id,
        "concord.lot.rework": lot.rework,
        "concord.lot.units": len(lot.unit_ids),
    }


async def _traces(means: Means, unit_ids: Sequence[str]) -> list[str]:
    """Return the traces of units of which nothing is known in memory, as after a start."""
    found: list[str] = []
    async for _, units in means.repository.in_chunks(unit_ids):
        found = traces_of(units.values(), found)
        if len(found) >= LOT_TRACES_MAX:
            break
    return found
