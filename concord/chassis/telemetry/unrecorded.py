"""Traces that are not recorded, 99 of a hundred: drawn by their id, passed on and logged, and never made spans.

The SDK decides when a span is begun, and then costs a request ten times what a look at the id does. So where it would
decide by the id alone (`TraceIdRatioBased`), the id is looked at first, and of a trace that is not recorded nothing is
kept but the header that goes on.
"""

import re
from contextvars import ContextVar
from random import Random

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, TraceIdRatioBased

TRACEPARENT_FORM = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
NO_TRACE = b"0" * 32
UNRECORDED: ContextVar[bytes | None] = ContextVar("unrecorded", default=None)
"""The `traceparent` to pass on where the current trace is not recorded; None where it is, or there is none."""
_bits = Random().getrandbits  # as the SDK's own: an id is no secret


class DrawnIds(RandomIdGenerator):
    """Makes ids as the SDK does, but for a trace whose id was drawn to decide whether it is recorded.

    Attributes:
        drawn: the id of the span that is begun next; taken once.
    """

    def __init__(self) -> None:
        self.drawn: int | None = None

    def generate_trace_id(self) -> int:
        """Return the next trace's id."""
        drawn, self.drawn = self.drawn, None
        return super().generate_trace_id() if drawn is None else drawn


class Draw:
    """Decides by its id whether a trace is recorded, as the sampler will.

    Args:
        bound: ids whose lower 64 bits are under it are recorded.
        ids: told of an id that was drawn and is to be recorded.
    """

    def __init__(self, bound: int, ids: DrawnIds) -> None:
        self._bound = bound
        self._ids = ids

    @classmethod
    def of(cls, sampler: Sampler, ids: DrawnIds) -> "Draw | None":
        """Return the draw of a sampler that decides by the id alone; None of any other."""
        return cls(sampler.bound, ids) if isinstance(sampler, TraceIdRatioBased) else None

    def records(self, carried: bytes) -> bool:
        """Return whether the trace of a well-formed `traceparent` is recorded."""
        return int(carried[19:35], 16) < self._bound

    def unrecorded(self, carried: bytes | None) -> bytes | None:
        """Return what is passed on of a trace that is not recorded; None when a span is to be begun.

        Args:
            carried: the caller's `traceparent`, as it came; None, or anything else, where a trace is to begin.
        """
        if carried is not None and TRACEPARENT_FORM.fullmatch(carried) and (known := carried[3:35]) != NO_TRACE:
            return None if self.records(carried) else b"00-%b-%016x-00" % (known, _bits(64) or 1)
        drawn = _bits(128) or 1
        if drawn & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound:
            self._ids.drawn = drawn
            return None
        return b"00-%032x-%016x-00" % (drawn, _bits(64) or 1)
