"""The journal: loads heads, lets pure functions decide, appends what they decided, and decides again on a loss."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, cast

from concord.chassis.clock import Clock
from concord.chassis.errors import Unavailable
from concord.chassis.journal.group_commit import GroupCommit
from concord.chassis.journal.heads import Heads
from concord.chassis.journal.last import last_records
from concord.chassis.journal.open_markers import Marked
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.record import JOURNAL, Cause, Entry, Head, Kind, Outcome, State, head_bytes
from concord.chassis.journal.rows import RowPages
from concord.chassis.journal.settling import Settle, Settling
from concord.chassis.journal.sweeper import Sweeper
from concord.chassis.journal.turn import Turn
from concord.chassis.store.port import Document, Store

ROUNDS_MAX = 50
FORGET_STEP = 1_000
REBUILD_KEYS = 500
"""Open aggregates read at once when a place is loaded; others run in between."""
HEAD_SECONDS_MAX = 3_600.0
"""How long a head in memory is taken for what it was; then it is read again: another process may have moved it on."""
NEVER: frozenset[str] = frozenset()
NO_RECORD: Head[Any] = Head(0, None, NEVER)


@dataclass(frozen=True, slots=True)
class Linked(Generic[State]):
    """Two causes of two aggregates, of which the second follows the first.

    Attributes:
        key: of the first's aggregate.
        first: returns the cause that leads; it is told whether the other would be granted.
        then: the cause that follows.
        hands_on: whether the second is to follow, from the state that the first led to.
    """

    key: str
    first: Callable[[bool], Cause[State]]
    then: Cause[State]
    hands_on: Callable[[State], bool]


class Contended(Unavailable):
    """Other writers were faster ROUNDS_MAX times in a row: ask again."""


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
        self.settling = Settling()
        self.markers = commits.markers
        self.rows = RowPages(store)
        commits.listener = self
        self._heads = Heads()
        self._times_forgotten = 0

    @property
    def heads_bytes(self) -> int:
        """What the heads in memory weigh."""
        return self._heads.size

    async def decide(self, kind: Kind[State], cause: Cause[State], *, owed: bool = False) -> Outcome[State]:
        """Answer one cause, once; return when its record is stored. Its events follow on their own.

        Args:
            kind: of the aggregate.
            cause: what is asked.
            owed: it follows from what was taken already, so that a full backlog does not refuse it.

        Raises:
            whatever `cause.decide` raises.
            Backlogged: the broker has taken no events for too long; nothing was stored.
            StoreUnavailable: no answer in time; the same cause may be asked again.
        """
        if not owed:
            self.refuse_backlog()
        (outcome,) = await self.apply(kind, [cause])
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def refuse_backlog(self) -> None:
        """Raise Backlogged when more events wait for the broker than may.

        Whoever takes something from people asks it before anything is stored, `apply` and payloads included; what the
        consumer brings is bounded by its batch, which waits for the broker.
        """
        self.publisher.refuse_backlog()

    async def apply(self, kind: Kind[State], causes: Sequence[Cause[State]]) -> list[Outcome[State]]:
        """Answer a batch of causes, each once, in their order within an aggregate: one read, one insert.

        What a `decide` raises is told in that cause's outcome and keeps no other from being answered; so is
        CannotBeSaid, where what it decided would not fit, and nothing of it is stored then.

        Raises:
            StoreUnavailable: no answer in time; the same causes may be asked again.
            Contended: other writers kept winning.
        """
        outcomes: list[Outcome[State] | None] = [None] * len(causes)
        waiting: dict[str, list[int]] = defaultdict(list)
        for position, cause in enumerate(causes):
            waiting[cause.key].append(position)
        fresh = {key for key, places in waiting.items() if causes[places[0]].creates}
        anew: set[str] = set()
        opening: list[Entry[State]] = []
        for _ in range(ROUNDS_MAX):
            heads = await self._load(kind, [key for key in waiting if key not in fresh], anew)
            self._unmark(opening, heads)
            now_us = self.clock.now_us()
            turns = {
                key: Turn(
                    kind, key, heads.get(key) or Head(0, None, NEVER), [causes[place] for place in places], now_us
                )
                for key, places in waiting.items()
            }
            entries = [turn.entry for turn in turns.values() if turn.entry is not None]
            stored = await self.commits.append(entries) if entries else []
            won = {entry.key for entry, flag in zip(entries, stored, strict=True) if flag}
            opening = [entry for entry in entries if entry.key not in won and entry.opened == entry.seq]
            left: dict[str, list[int]] = {}
            for key, turn in turns.items():
                places = waiting[key]
                # An insert proves the head it follows on. Where none goes in, a refusal counts on a head that was
                # read since we were asked: an older one would refuse for as long as nobody else moves it on.
                if (key in won) if turn.entry is not None else (turn.only_repeats or key in anew):
                    for place, outcome in zip(places, turn.outcomes, strict=False):
                        outcomes[place] = outcome
                    places = places[len(turn.outcomes) :]
                if places:
                    left[key] = places
            waiting, fresh, anew = left, set(), set(left)
            if not waiting:
                return cast("list[Outcome[State]]", outcomes)
        raise Contended(f"{len(waiting)} aggregates were taken {ROUNDS_MAX} times in a row")

    async def keep_rows(self, kind: Kind[State], causes: Sequence[Cause[State]]) -> list[Cause[State]]:
        """Keep in bulk what these causes begin, and return those that are to be applied; see `RowPages.keep`."""
        return await self.rows.keep(kind, causes, self.clock.now_us())

    async def apply_linked(
        self, kind: Kind[State], pair: Linked[State]
    ) -> tuple[Outcome[State], Outcome[State] | None]:
        """Answer two causes of two aggregates in one go: what the second leads to is stored only if the first's is.

        Returns their outcomes, an error of the first in its own; None for the second when it was not to follow, was
        refused, or others were faster there. That costs the first nothing, and whoever asked asks for another.

        Raises:
            StoreUnavailable, Contended: see `apply`.
        """
        key, then, anew = pair.key, pair.then, frozenset[str]()
        for _ in range(ROUNDS_MAX):
            known = [key] if then.creates and not anew else [key, then.key]
            heads = await self._load(kind, known, anew)
            now_us = self.clock.now_us()
            follows = Turn(kind, then.key, heads.get(then.key) or NO_RECORD, [then], now_us)
            leads = Turn(kind, key, heads.get(key) or NO_RECORD, [pair.first(follows.entry is not None)], now_us)
            entries = [turn.entry for turn in (leads, follows) if turn.entry is not None]
            if leads.entry is None:
                if leads.only_repeats or anew:
                    return leads.outcomes[0], None
            else:
                linked = follows.entry is not None and pair.hands_on(leads.entry.state)
                won = await self.commits.append(entries if linked else entries[:1], linked=linked)
                if linked and won[0] and not won[1]:
                    self._unmark(entries[1:], await self._load(kind, [then.key], {then.key}))
                if won[0]:
                    return leads.outcomes[0], follows.outcomes[0] if linked and won[1] else None
            anew = frozenset((key, then.key))
        raise Contended(f"{key} was taken {ROUNDS_MAX} times in a row")

    def listen(self, kind: Kind[State], settle: Settle[State]) -> None:
        """Have a kind's read models settled: `settle(key, state)` is called with every state that is news.

        That is: when a record is known to be stored, whether its caller still waits or not, before the caller is
        told; and when a head is read from the store, for another process may have made it. It is called in the
        order of an aggregate's records, may be told the same again, waits for nothing, and what it raises is counted
        and logged and stops nothing. There is one listener a kind.
        """
        self.settling.listen(kind, settle)

    def taken(self, entries: Sequence[Entry[Any]]) -> None:
        """Expect news of these entries' aggregates; see `group_commit.Listener`."""
        self.settling.expect(entry.key for entry in entries)

    def known(self, entry: Entry[Any], stored: bool) -> None:
        """Take in what became of an entry; see `group_commit.Listener`."""
        if not stored:
            self._drop(entry)
        else:
            self.rows.begun(entry.key)
            if self.settling.tell(entry.key, entry.seq, entry.state):
                self._keep(entry)
            self.markers.known(entry)
        self.settling.over([entry.key])

    def _unmark(self, lost: Sequence[Entry[State]], heads: Mapping[str, Head[State]]) -> None:
        """Have the markers deleted of openings that lost to records which left their aggregates closed.

        Their number is another record's by now, so nobody else's opening can come to need them.
        """
        for entry in lost:
            head = heads.get(entry.key)
            if entry.opened == entry.seq and head is not None and head.seq >= entry.seq and not head.opened:
                self.markers.closed(entry.key, [entry.seq], entry.slot)

    async def states(self, kind: Kind[State], keys: Sequence[str]) -> dict[str, State]:
        """Return the states of these aggregates; those without a record or a row are left out.

        A cached state may be a moment old where several processes serve one aggregate.
        """
        heads = await self._load(kind, keys)
        return {key: head.state for key, head in heads.items() if head.state is not None}

    async def rebuild(self, kind: Kind[State]) -> AsyncIterator[tuple[str, State]]:
        """Yield the key and newest state of every aggregate of this kind, to rebuild read models from.

        Reads the whole journal once, only what is needed to find the newest. What was settled since it began is in:
        so what is rebuilt is never behind what the kind's listener has been told.
        """
        newest: dict[str, tuple[int, bytes]] = {}
        marker = f"/{kind.name}/"
        with self.settling.collecting() as news:
            async for page in self.store.stream(JOURNAL.name, only=("aggregate", "seq", "state")):
                for document in page:
                    key = document["aggregate"]
                    if marker in key and document["seq"] > newest.get(key, (0, b""))[0]:
                        newest[key] = (document["seq"], document["state"])
            for key in sorted(newest.keys() | {key for key in news if marker in key}):
                seq, stored = newest.get(key, (0, b""))
                later = news.get(key)
                if later is not None and later[0] >= seq:
                    yield key, later[1]
                else:
                    yield key, kind.decode(stored)

    async def rebuild_open(self, kind: Kind[State], slots: Iterable[int]) -> AsyncIterator[tuple[str, State]]:
        """Yield the key and newest state of every aggregate of this kind that is open in these slots.

        Reads the open markers and these aggregates, nothing else; others run meanwhile. What was settled since it
        began is in, as in `rebuild`. Markers of what is closed, left by a crash, are deleted.
        """
        with self.settling.collecting() as news:
            marked = await self.markers.of(kind.name, list(slots))
            async for row in self._rebuild_marked(kind, marked, news):
                yield row

    async def rebuild_open_kinds(
        self, kinds: Sequence[Kind[Any]], slots: Sequence[int]
    ) -> AsyncIterator[tuple[Kind[Any], str, Any]]:
        """Yield the same of several kinds, each with its kind, in their order: markers are read once for all."""
        marked = await self.markers.by_kind([kind.name for kind in kinds], slots)
        for kind in kinds:
            with self.settling.collecting() as news:
                async for key, state in self._rebuild_marked(kind, marked.get(kind.name, {}), news):
                    yield kind, key, state

    async def _rebuild_marked(
        self, kind: Kind[State], marked: Marked, news: Mapping[str, tuple[int, Any]]
    ) -> AsyncIterator[tuple[str, State]]:
        assert kind.is_open is not None, f"{kind.name} has no open markers"
        keys = sorted(marked)
        for start in range(0, len(keys), REBUILD_KEYS):
            part = keys[start : start + REBUILD_KEYS]
            heads = await self._load(kind, part, anew=frozenset(part))
            for key, head in sorted(heads.items(), key=itemgetter(0)):
                over = [seq for seq in marked[key] if seq <= head.seq and seq != head.opened]
                self.markers.closed(key, over)
                seq, state = news.get(key, (0, head.state))
                newest = head.state if seq <= head.seq else state
                if newest is not None and kind.is_open(newest):
                    yield key, newest

    async def marked(self, kind: Kind[State], slot: int) -> frozenset[str]:
        """Return the keys of the aggregates of this kind that have open markers in a slot: what is open, or more."""
        return frozenset(await self.markers.of(kind.name, [slot]))

    def forget(self, keys: Iterable[str] | None = None) -> None:
        """Read these heads, or every one, anew when next needed: other processes may have moved them on."""
        if keys is None:
            self._heads.clear()
            self._times_forgotten += 1
        else:
            for key in keys:
                self._heads.drop(key)

    async def forget_where(self, doubtful: Callable[[str], bool]) -> None:
        """Read the heads of these aggregates anew when next needed; others run meanwhile.

        Args:
            doubtful: whether other processes may have moved the aggregate of this key on.
        """
        self._times_forgotten += 1  # what is being read now is old by then
        keys = list(self._heads)
        for begin in range(0, len(keys), FORGET_STEP):
            for key in keys[begin : begin + FORGET_STEP]:
                if doubtful(key):
                    self._heads.drop(key)
            await asyncio.sleep(0)

    def _keep(self, entry: Entry[Any]) -> None:
        """Cache the head that an entry made, unless a newer one is there already."""
        before = self._heads.get(entry.key)
        if before is not None and before.seq >= entry.seq:
            return
        follows = before is not None and before.seq == entry.seq - 1
        if entry.seq > 1 and not follows and not entry.last_alone:
            # The head before was let go meanwhile, and with it the causes it had answered: read all anew when needed.
            self._heads.drop(entry.key)
            return
        earlier = NEVER if before is None or entry.last_alone else before.causes
        causes = earlier | frozenset(entry.causes)
        size = head_bytes(len(entry.state_bytes), causes)
        now = self.clock.monotonic()
        self._heads.keep(entry.key, Head(entry.seq, entry.state, causes, size, entry.opened, now))

    def _drop(self, entry: Entry[Any]) -> None:
        """Forget the head that an entry lost with, unless a newer one is cached meanwhile."""
        before = self._heads.get(entry.key)
        if before is not None and before.seq < entry.seq:
            self._heads.drop(entry.key)

    async def _load(self, kind: Kind[State], keys: Sequence[str], anew: Container[str] = ()) -> dict[str, Head[State]]:
        """Return the heads of these aggregates, from memory but for those that are wanted anew; absent: no record."""
        while True:
            times_forgotten = self._times_forgotten
            oldest = self.clock.monotonic() - HEAD_SECONDS_MAX
            heads: dict[str, Head[State]] = {}
            missing = []
            for key in keys:
                cached = None if key in anew else self._heads.get(key)
                if cached is not None and cached.known_at >= oldest:
                    heads[key] = cached
                else:
                    missing.append(key)
            if not missing:
                return heads
            heads |= await self._read(kind, missing)
            if times_forgotten == self._times_forgotten:
                break
        for key in keys:
            # What was decided or read by others meanwhile is newer than what we had.
            later = self._heads.get(key)
            if later is not None and (key not in heads or later.seq > heads[key].seq):
                heads[key] = later
        return heads

    async def _read(self, kind: Kind[State], missing: Sequence[str]) -> dict[str, Head[State]]:
        times_forgotten = self._times_forgotten
        found: dict[str, Head[State]] = {}
        known_at = self.clock.monotonic()
        self.settling.expect(missing)
        try:
            if kind.last_alone:
                documents = await last_records(self.store, missing)
            else:
                documents = await self.store.find(JOURNAL.name, "aggregate", missing)
            await self.commits.known(documents)
            await self.sweeper.before_deciding_on(documents)
            histories: dict[str, list[Document]] = defaultdict(list)
            for document in documents:
                histories[document["aggregate"]].append(document)
            for key, row in (await self.rows.find(key for key in missing if key not in histories)).items():
                found[key] = Head(0, kind.decode(row.state), frozenset((row.cause,)), known_at=known_at)
            for key, history in histories.items():
                self.rows.begun(key)
                last = max(history, key=lambda entry: int(entry["seq"]))
                causes = frozenset(cause for entry in history for cause in entry["causes"])
                state = kind.decode(last["state"])
                size = head_bytes(len(last["state"]), causes)
                found[key] = head = Head(last["seq"], state, causes, size, last["opened"], known_at)
                newest = self.settling.tell(key, head.seq, state)
                before = self._heads.get(key)
                if newest and times_forgotten == self._times_forgotten and (before is None or before.seq <= head.seq):
                    self._heads.keep(key, head)
        finally:
            self.settling.over(missing)
        return found
