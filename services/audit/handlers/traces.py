"""Traces of lots: what is decided on a lot goes on in the trace of a unit of it, and is linked to those of the others.

So whoever follows a unit that was recorded comes to the sample that was drawn, the verdict and the certificate. A unit
keeps its trace with its record, so a lot finds the same ones in any process; what is kept in memory is a hint.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from opentelemetry.trace import Span

from concord.chassis.telemetry import BATCH_LINKS_MAX, trace_id_of, trace_of
from services.audit.domain.place import OpenLot
from services.audit.domain.unit import UnitState
from services.audit.handlers.means import Means

log = logging.getLogger(__name__)

LOT_TRACES_MAX = BATCH_LINKS_MAX
"""Traces that are kept, and told, of a lot."""
PROJECT_ID, LOT_ID = "concord.project.id", "concord.lot.id"
STATUS, CERTIFICATE = "concord.lot.status", "concord.certificate.sha256"


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
    attributes: dict[str, str | int] = {
        PROJECT_ID: state.project_id,
        LOT_ID: state.lot_id,
        "concord.lot.rework": state.rework,
        "concord.lot.units": len(state.unit_ids),
    }
    with means.tracing.continued(name, origins, attributes) as span:
        try:
            yield span
        except Exception as fault:
            # Why is said where it is served, out of this trace, by the lot's id.
            log.warning("lot %s: %s ended by %s", state.lot_id, name, type(fault).__qualname__)
            raise


async def _traces(means: Means, unit_ids: Sequence[str]) -> list[str]:
    """Return the traces of units of which nothing is known in memory, as after a start."""
    found: list[str] = []
    async for _, units in means.repository.in_chunks(unit_ids):
        found = traces_of(units.values(), found)
        if len(found) >= LOT_TRACES_MAX:
            break
    return found
