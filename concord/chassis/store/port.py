"""What Concord asks of a store, and no more: so that any MongoDB-compatible one will do.

The only lock is an insert under a unique key. There is no read-modify-write, no transaction, no range and no
sort: stores that call themselves compatible were seen to break each of these.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from concord.chassis.errors import Passing

Document = dict[str, Any]
"""Keys without dots and dollars; values are str, int, float, bool, bytes, None, lists of scalars or of flat
documents. Never a list in a list, never NaN. `_id` is a str and chosen by the writer."""

READ_IDS_MAX = 50
"""Keys asked for in one round trip; longer requests are split. On the local stack's store a key costs .09 ms of its
CPU among 50 and .22 among 200; the driver's share is .012 ms a key already at 50."""
INSERT_DOCUMENTS_MAX = 1_000
"""Documents of one insert; a longer one is the caller's fault."""
DOCUMENT_BYTES_MAX = 4_000_000


class StoreUnavailable(Passing):
    """The store did not answer in time. An insert's outcome is then unknown: read the keys back."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection and the fields on which equality may be asked beside `_id`, each indexed."""

    name: str
    indexed: tuple[str, ...] = ()


class Store(Protocol):
    """One service's database."""

    async def prepare(self, collections: Sequence[Collection]) -> None:
        """Make the collections and their indexes; saying it again changes nothing.

        Raises:
            StoreUnavailable: no answer.
        """
        ...

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        """Insert each document whose `_id` is free, durably, and return the positions of those whose was taken.

        What is not in the answer is stored and survives a crash of the store. Order among them is not promised,
        and neither is that all or none are seen by a reader in between.

        Raises:
            StoreUnavailable: no answer; each document may or may not be in.
        """
        ...

    async def insert_in_order(self, collection: str, documents: Sequence[Document]) -> int:
        """Insert documents one after another up to the first whose `_id` is taken, and return how many went in.

        What comes later is stored only after what comes before it, at every moment: a crash, or no answer, leaves the
        first few of them. Else as `insert`.

        Raises:
            StoreUnavailable: no answer; the first of them may be in, up to any.
        """
        ...

    async def get(self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None) -> dict[str, Document]:
        """Return the documents under these keys, by key; absent ones are left out.

        Args:
            collection: where.
            ids: the keys.
            only: the fields to return beside `_id`; None for all.

        Raises:
            StoreUnavailable: no answer.
        """
        ...

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        """Return every document whose indexed `field` equals one of `values`, in no order.

        Args:
            collection: where.
            field: one of the collection's indexed fields; where it holds a list, any element may match.
            values: what to match.
            only: the fields to return beside `_id`; None for all.

        Raises:
            StoreUnavailable: no answer.
        """
        ...

    async def count(self, collection: str, field: str, value: str | int) -> int:
        """Return how many documents have this value in the indexed `field`.

        What was acknowledged before the call is counted, and what was deleted before it is not. It costs the store
        what there is to count, and the caller one number.

        Raises:
            StoreUnavailable: no answer.
        """
        ...

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Delete the documents under these keys and return how many there were.

        Raises:
            StoreUnavailable: no answer; each may or may not be gone.
        """
        ...

    def stream(self, collection: str, only: Sequence[str] | None = None) -> AsyncIterator[Sequence[Document]]:
        """Yield every document in pages, in no order: for rebuilding read models and republishing, on no hot path.

        Raises:
            StoreUnavailable: no answer.
        """
        ...

    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            StoreUnavailable: it does not.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
