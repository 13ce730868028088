"""Marks: what is positively known to be said. Nothing is taken for said because something is absent.

A writer's mark says that all its commits up to a number are whole, and said. Only two may leave one: the writer itself,
which knows the outcome of each commit before it begins the next; and whoever has seen a record of a later commit, for
that one was begun when all before it were known. Of a writer's last commit nobody else can tell whether it is whole, so
its records are noted one by one.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter

from concord.chassis.journal.record import JOURNAL, MARKS, SAID, WRITERS, Commit, line_of
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Document, Store

WRITERS_REMEMBERED_MAX = 10_000
TO_SAY = ("commit", "place", "events")
"""The fields of a record by which what it says is said."""
RECALL_COMMITS = 4
"""Commits read back at once: each may hold as much as COMMIT_BYTES_MAX."""


class Marks:
    """The marks of all writers of one service.

    Attributes:
        closed: the writers that said of themselves that nothing comes any more.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.closed: set[str] = set()
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def known(self, commit: Commit) -> bool:
        """Whether the commit is known to be whole and said, without asking."""
        return commit.number <= self._numbers.get(commit.writer, 0)

    async def look(self, writers: Iterable[str]) -> dict[str, int]:
        """Return the marks of these writers, 0 where there is none."""
        asked = sorted(writers)
        numbers = {writer: self._numbers.get(writer, 0) for writer in asked}
        for mark in await self.store.find(MARKS.name, "writer", asked) if asked else ():
            numbers[mark["writer"]] = max(numbers[mark["writer"]], mark["number"])
            if mark["_id"] == _closing(mark["writer"]):
                self.closed.add(mark["writer"])
        for writer, number in numbers.items():
            self._remember(writer, number)
        return numbers

    async def leave(self, writer: str, number: int, before: int) -> None:
        """Say that all commits up to `number` are whole and said; the mark of `before` goes."""
        await self.store.insert(MARKS.name, [{"_id": f"{writer}/{number}", "writer": writer, "number": number}])
        self._remember(writer, number)
        if 0 < before < number:
            await self.store.delete(MARKS.name, [f"{writer}/{before}"])

    async def close(self, writer: str, number: int) -> None:
        """Say for a writer, which alone may, that all it ever stored is said, and that nothing comes any more."""
        closing = {"_id": _closing(writer), "writer": writer, "number": number}
        await self.store.insert(MARKS.name, [closing])
        await self.store.delete(WRITERS.name, [writer])
        marks = await self.store.find(MARKS.name, "writer", [writer], only=())
        await self.store.delete(MARKS.name, [mark["_id"] for mark in marks if mark["_id"] != closing["_id"]])

    async def unsaid(self, records: Sequence[Document]) -> list[Document]:
        """Return those of these records that are neither below a mark nor noted, in the order of their commits.

        Those of an aggregate come in its own order: commits of several writers have none among them.
        """
        records = [record for record in records if not self.known(Commit.parse(record["commit"]))]
        noted = await self.store.get(SAID.name, [record["_id"] for record in records]) if records else {}
        return in_line(sorted((record for record in records if record["_id"] not in noted), key=_in_order))

    async def note(self, records: Sequence[Document]) -> None:
        """Note of records one by one that they are said."""
        notes = [{"_id": record["_id"]} for record in records]
        for start in range(0, len(notes), INSERT_DOCUMENTS_MAX):
            await self.store.insert(SAID.name, notes[start : start + INSERT_DOCUMENTS_MAX])

    async def recall(self, writer: str, first: int, last: int) -> list[Document]:
        """Return the records of some commits of a writer, in their order; at most RECALL_COMMITS are to be asked."""
        assert last - first < RECALL_COMMITS, "what is read back at once has a bound"
        wanted = [str(Commit(writer, number)) for number in range(first, last + 1)]
        found = await self.store.find(JOURNAL.name, "commit", wanted, only=TO_SAY)
        return sorted(found, key=_in_order)

    def _remember(self, writer: str, number: int) -> None:
        if number > self._numbers.get(writer, 0):
            self._numbers[writer] = number
            self._numbers.move_to_end(writer)
            if len(self._numbers) > WRITERS_REMEMBERED_MAX:
                self._numbers.popitem(last=False)


def in_line(records: Sequence[Document]) -> list[Document]:
    """Return the records, those of each aggregate in its order at the places that its records have.

    >>> [record["_id"] for record in in_line([{"_id": "a/2"}, {"_id": "b/1"}, {"_id": "a/1"}])]
    ['a/1', 'b/1', 'a/2']
    """
    keys = [line_of(record["_id"]) for record in records]
    lines: dict[str, list[tuple[int, Document]]] = defaultdict(list)
    for (aggregate, number), record in zip(keys, records, strict=True):
        lines[aggregate].append((number, record))
    ordered = {aggregate: iter(sorted(line, key=itemgetter(0))) for aggregate, line in lines.items()}
    return [next(ordered[aggregate])[1] for aggregate, _ in keys]


def _closing(writer: str) -> str:
    return f"{writer}/closed"


def _in_order(record: Document) -> tuple[int, int]:
    return Commit.parse(record["commit"]).number, record["place"]
