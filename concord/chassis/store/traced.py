"""A store whose calls are spans: which collection, what was done and with how many; never a key nor what is stored."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from concord.chassis.store.port import Collection, Document, Store
from concord.chassis.telemetry import Tracing
from concord.chassis.telemetry.unrecorded import UNRECORDED

_NO_SPAN: AbstractContextManager[Span] = nullcontext(INVALID_SPAN)


class TracedStore:
    """Another store, each call of which is a span within the one that is current, if that is recorded.

    Inserts of the journal are of many callers at once: they belong to none of their traces, and are no spans.

    Args:
        store: does it.
        tracing: makes the spans.
    """

    def __init__(self, store: Store, tracing: Tracing) -> None:
        self.store = store
        self._tracing = tracing

    def _span(self, operation: str, collection: str, count: int) -> AbstractContextManager[Span]:
        if UNRECORDED.get() is not None or not trace.get_current_span().is_recording():
            return _NO_SPAN  # one in a hundred is; for the others a call must cost what it would without us
        attributes: dict[str, str | int] = {
            "db.system.name": "mongodb",
            "db.operation.name": operation,
            "db.collection.name": collection,
            "db.operation.batch.size": count,
        }
        return self._tracing.span(f"{operation} {collection}", attributes, kind=SpanKind.CLIENT)

    async def prepare(self, collections: Sequence[Collection]) -> None:
        """Make the collections and their indexes, without a span."""
        await self.store.prepare(collections)

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        """Insert documents; see the port."""
        with self._span("insert", collection, len(documents)):
            return await self.store.insert(collection, documents)

    async def insert_in_order(self, collection: str, documents: Sequence[Document]) -> int:
        """Insert documents one after another; see the port."""
        with self._span("insert", collection, len(documents)):
            return await self.store.insert_in_order(collection, documents)

    async def get(self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None) -> dict[str, Document]:
        """Return documents by key; see the port."""
        with self._span("get", collection, len(ids)):
            return await self.store.get(collection, ids, only)

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        """Return documents by a field; see the port."""
        with self._span("find", collection, len(values)):
            return await self.store.find(collection, field, values, only)

    async def count(self, collection: str, field: str, value: str | int) -> int:
        """Count documents by a field; see the port."""
        with self._span("count", collection, 1):
            return await self.store.count(collection, field, value)

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Delete documents; see the port."""
        with self._span("delete", collection, len(ids)):
            return await self.store.delete(collection, ids)

    def stream(self, collection: str, only: Sequence[str] | None = None) -> AsyncIterator[Sequence[Document]]:
        """Yield every document, without a span: it may take minutes, on no hot path."""
        return self.store.stream(collection, only)

    async def ping(self) -> None:
        """Return when the store answers, without a span."""
        await self.store.ping()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.store.close()
