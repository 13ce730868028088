"""The journal: loads heads, lets pure functions decide, appends what they decided, and decides again on a loss."""

from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import Clock
from concord.chassis.errors import Backlogged, Unavailable
from concord.chassis.journal.group_commit import GroupCommit
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.record import JOURNAL, Cause, Decision, Entry, Head, Kind, Outcome, State
from concord.chassis.journal.sweeper import Sweeper
from concord.chassis.store.port import Document, Store

HEADS_MAX = 200_000
ROUNDS_MAX = 50
NEVER: frozenset[str] = frozenset()


class Contended(Unavailable):
    """Other writers were faster ROUNDS_MAX times in a row: ask again."""

    title = "Others were faster again and again"


class Journal:
    """One service's journal.

    Heads are cached; a stale one loses at the insert, is read again, and the cause is decided anew.
    """

    def __init__(
        self, store: Store, commits: GroupCommit, publisher: Publisher, sweeper: Sweeper, clock: Clock
    ) -> None:
        self.store = store
        self.commits = commits
        self.publisher = publisher
        self.sweeper = sweeper
        self.clock = clock
        self._heads: OrderedDict[str, Head[Any]] = OrderedDict()
        self._times_forgotten = 0

    async def decide(self, kind: Kind[State], cause: Cause[State]) -> Outcome[State]:
        """Answer one cause, once; return when its record is stored. Its events follow on their own.

        Raises:
            whatever `cause.decide` raises.
            Backlogged: the broker has taken no events for too long.
            StoreUnavailable: no answer in time; the same cause may be asked again.
        """
        if self.publisher.full:
            raise Backlogged(f"{self.publisher.backlog_events} events wait for the broker")
        (outcome,) = await self.apply(kind, [cause])
        if outcome.error is not None:
            raise outcome.error
        return outcome

    async def apply(self, kind: Kind[State], causes: Sequence[Cause[State]]) -> list[Outcome[State]]:
        """Answer a batch of causes, each once, in their order within an aggregate: one read, one insert.

        What a `decide` raises is told in that cause's outcome and keeps no other from being answered.

        Raises:
            StoreUnavailable: no answer in time; the same causes may be asked again.
            Contended: other writers kept winning.
        """
        outcomes: list[Outcome[State] | None] = [None] * len(causes)
        waiting: dict[str, list[int]] = defaultdict(list)
        for position, cause in enumerate(causes):
            waiting[cause.key].append(position)
        fresh = {key for key, places in waiting.items() if causes[places[0]].creates}
        for _ in range(ROUNDS_MAX):
            await self._load(kind, [key for key in waiting if key not in fresh])
            entries: list[Entry[State]] = []
            for key, places in waiting.items():
                entry = self._entry(key, [causes[place] for place in places], places, outcomes)
                if entry is not None:
                    entries.append(entry)
            stored = await self.commits.append(entries) if entries else []
            lost: dict[str, list[int]] = {}
            for entry, won in zip(entries, stored, strict=True):
                if won:
                    self._keep(entry)
                else:
                    self._drop(entry)
                    lost[entry.key] = waiting[entry.key]
            waiting, fresh = lost, set()
            if not waiting:
                return cast("list[Outcome[State]]", outcomes)
        raise Contended(f"{len(waiting)} aggregates were taken {ROUNDS_MAX} times in a row")

    async def states(self, kind: Kind[State], keys: Sequence[str]) -> dict[str, State]:
        """Return the states of these aggregates; those without a record are left out.

        A cached state may be a moment old where several processes serve one aggregate.
        """
        await self._load(kind, keys)
        return {key: head.state for key in keys if (head := self._heads.get(key)) and head.state is not None}

    async def rebuild(self, kind: Kind[State]) -> AsyncIterator[tuple[str, State]]:
        """Yield the key and newest state of every aggregate of this kind, to rebuild read models from.

        Reads the whole journal once, only what is needed to find the newest. What this process has decided meanwhile
        is in, and nothing else runs between the first state and the last: so what is rebuilt is not behind what
        handlers have told the read models.
        """
        newest: dict[str, tuple[int, bytes]] = {}
        marker = f"/{kind.name}/"
        async for page in self.store.stream(JOURNAL.name, only=("aggregate", "seq", "state")):
            for document in page:
                key = document["aggregate"]
                if marker in key and document["seq"] > newest.get(key, (0, b""))[0]:
                    newest[key] = (document["seq"], document["state"])
        known: dict[str, Head[State]] = {key: head for key, head in self._heads.items() if marker in key}
        for key in sorted(newest.keys() | known.keys()):
            seq, stored = newest.get(key, (0, b""))
            head = known.get(key)
            if head is not None and head.state is not None and head.seq >= seq:
                yield key, head.state
            elif seq:
                yield key, kind.decode(stored)

    def forget(self, keys: Iterable[str] | None = None) -> None:
        """Read these heads, or every one, anew when next needed: other processes may have moved them on."""
        if keys is None:
            self._heads.clear()
            self._times_forgotten += 1
        else:
            for key in keys:
                self._heads.pop(key, None)

    def _entry(
        self, key: str, causes: Sequence[Cause[State]], places: Sequence[int], outcomes: list[Outcome[State] | None]
    ) -> Entry[State] | None:
        """Decide all causes of one aggregate one after another; return the record that holds what follows."""
        head: Head[State] = self._heads.get(key) or Head(0, None, NEVER)
        now_us = self.clock.now_us()
        state = head.state
        answered: list[str] = []
        events: list[Outgoing] = []
        for place, cause in zip(places, causes, strict=True):
            if cause.id in head.causes or cause.id in answered:
                outcomes[place] = Outcome(state, repeated=True)
                continue
            try:
                decision: Decision[State] | None = cause.decide(state, now_us)
            except Exception as error:
                # What a domain's refusal means is the caller's to say.
                outcomes[place] = Outcome(state, error=error)
                continue
            if decision is not None:
                state = decision.state
                answered.append(cause.id)
                events.extend(decision.events)
            outcomes[place] = Outcome(state)
        if not answered or state is None:
            return None
        return Entry(key, head.seq + 1, answered, now_us, state, events)

    def _keep(self, entry: Entry[State]) -> None:
        """Cache the head that an entry made, unless a newer one is there already."""
        before = self._heads.get(entry.key)
        if before is not None and before.seq >= entry.seq:
            return
        if entry.seq > 1 and (before is None or before.seq != entry.seq - 1):
            # The head before was let go meanwhile, and with it the causes it had answered: read all anew when needed.
            self._heads.pop(entry.key, None)
            return
        causes = before.causes if before is not None else NEVER
        self._cache(entry.key, Head(entry.seq, entry.state, causes | frozenset(entry.causes)))

    def _drop(self, entry: Entry[State]) -> None:
        """Forget the head that an entry lost with, unless a newer one is cached meanwhile."""
        before = self._heads.get(entry.key)
        if before is not None and before.seq < entry.seq:
            del self._heads[entry.key]

    def _cache(self, key: str, head: Head[State]) -> None:
        self._heads[key] = head
        self._heads.move_to_end(key)
        while len(self._heads) > HEADS_MAX:
            self._heads.popitem(last=False)

    async def _load(self, kind: Kind[State], keys: Sequence[str]) -> None:
        """Read the heads that are not cached; those that are stay, at least until the caller has looked at them."""
        while True:
            times_forgotten = self._times_forgotten
            held, missing = [], []
            for key in keys:
                if key in self._heads:
                    self._heads.move_to_end(key)
                    held.append(key)
                else:
                    missing.append(key)
            if not missing:
                return
            await self._read(kind, missing)
            if times_forgotten == self._times_forgotten and all(key in self._heads for key in held):
                return

    async def _read(self, kind: Kind[State], missing: Sequence[str]) -> None:
        times_forgotten = self._times_forgotten
        documents = await self.store.find(JOURNAL.name, "aggregate", missing)
        await self.sweeper.before_deciding_on(documents)
        histories: dict[str, list[Document]] = defaultdict(list)
        for document in documents:
            histories[document["aggregate"]].append(document)
        if times_forgotten != self._times_forgotten:
            return  # it may be old already
        for key, history in histories.items():
            last = max(history, key=lambda one: int(one["seq"]))
            before = self._heads.get(key)
            if before is None or before.seq < last["seq"]:
                causes = frozenset(cause for one in history for cause in one["causes"])
                self._cache(key, Head(last["seq"], kind.decode(last["state"]), causes))
