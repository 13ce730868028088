"""First come: what one insert decides, whoever asks at the same time."""

from collections.abc import Sequence

from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Document, Store


async def first_of(store: Store, collection: Collection, documents: Sequence[Document]) -> dict[str, Document]:
    """Insert documents; return, by key, those that were there before, of us or of others."""
    taken: set[str] = set()
    for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
        some = documents[start : start + INSERT_DOCUMENTS_MAX]
        taken.update(some[place]["_id"] for place in await store.insert(collection.name, some))
    return await store.get(collection.name, sorted(taken)) if taken else {}
