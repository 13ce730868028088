"""Folding: an aggregate that is done with keeps its last record alone.

Every writer's lock is that lower numbers are taken, so deleting a record opens a number: whoever still held a head of
that time would win at the insert, be told so, and be nowhere in the line. So it goes in two steps. First a record is
appended that answers all causes of the line and says nothing new. The lower ones are deleted only when that record has
been known here for FOLD_SECONDS, by this process's own watch: by then nobody decides on a head so old, for it is read
again after HEAD_SECONDS_MAX, and nothing so old is inserted any more. A crash between, or in the midst of the deleting,
leaves a line that is longer than need be; the next fold takes it up.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence

from concord.chassis.back_off import BackOff
from concord.chassis.journal.group_commit import STALE_SECONDS_MAX
from concord.chassis.journal.journal import HEAD_SECONDS_MAX, Journal
from concord.chassis.journal.record import JOURNAL, Commit, Entry, Kind, State, encoded_state
from concord.chassis.store.port import READ_IDS_MAX, Document

FOLD_SECONDS = 2 * (HEAD_SECONDS_MAX + STALE_SECONDS_MAX)
"""Twice as long as a head may be old when it is decided on, and what was decided when it is inserted."""
FOLDS_UNDER_WAY_MAX = 100_000
"""Aggregates that wait for their lower records to be deleted; beyond it a fold takes no more on."""
LOOK_SECONDS = 60.0


class Folding:
    """Folds what a service says is done with and past its retention.

    Args:
        journal: whose records they are.

    Attributes:
        records_deleted: how many are gone.
    """

    name = "folding"

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.clock = journal.clock
        self.records_deleted = 0
        # By key, in the order in which their last records came to be known here: the number of it, and since when.
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def under_way(self) -> int:
        """Return how many aggregates wait for their lower records to be deleted."""
        return len(self._known)

    async def fold(self, kind: Kind[State], keys: Sequence[str]) -> int:
        """Begin to fold these aggregates, and return of how many; saying it again goes on where it was.

        Left out are those that are open, have one record, have an event that is not known to be said, or are being
        decided on; and all beyond FOLDS_UNDER_WAY_MAX.

        Raises:
            StoreUnavailable: no answer; some may have begun.
        """
        begun = 0
        for start in range(0, len(keys), READ_IDS_MAX):
            lines = await self._lines(keys[start : start + READ_IDS_MAX])
            entries = []
            for key, line in lines.items():
                if key in self._known or self.under_way >= FOLDS_UNDER_WAY_MAX:
                    continue
                state = kind.decode(line[-1]["state"])
                if kind.is_open is not None and kind.is_open(state):
                    continue
                if _is_folded(line):
                    self._wait(key, line[-1]["seq"])
                    begun += 1
                else:
                    entries.append(_last(key, line, state, self.clock.now_us()))
            stored = await self.journal.commits.append(entries) if entries else []
            for entry, won in zip(entries, stored, strict=True):
                if won:
                    self._wait(entry.key, entry.seq)
                    begun += 1
        return begun

    async def run(self) -> None:
        """Delete what lies below records that have been known for long enough, until cancelled."""
        waits = BackOff("folding", self.clock)
        while True:
            await self.clock.sleep(LOOK_SECONDS)
            await waits.attempt(self.delete_due)

    async def delete_due(self) -> None:
        """Delete the lower records of those whose last one has been known for FOLD_SECONDS."""
        before = self.clock.monotonic() - FOLD_SECONDS
        while due := [key for key, (_, since) in self._first() if since <= before]:
            lines = await self._lines(due)
            # What lies above the fold was decided since; it stays, and so does the fold.
            lower = [
                entry["_id"] for key, line in lines.items() for entry in line if entry["seq"] < self._known[key][0]
            ]
            self.records_deleted += await self.journal.store.delete(JOURNAL.name, lower) if lower else 0
            for key in due:
                del self._known[key]

    def _wait(self, key: str, seq: int) -> None:
        self._known[key] = (seq, self.clock.monotonic())

    def _first(self) -> list[tuple[str, tuple[int, float]]]:
        """Return those that have waited longest, as many as are read at once."""
        return [row for row, _ in zip(self._known.items(), range(READ_IDS_MAX), strict=False)]

    async def _lines(self, keys: Sequence[str]) -> dict[str, list[Document]]:
        """Return those aggregates of more than one record of which all is known to be said, each in its order."""
        records = await self.journal.store.find(JOURNAL.name, "aggregate", keys)
        writers = {Commit.parse(entry["commit"]).writer for entry in records}
        await self.journal.sweeper.marks.look(writers)
        unsaid = {entry["aggregate"] for entry in await self.journal.sweeper.marks.unsaid(records)}
        lines: dict[str, list[Document]] = defaultdict(list)
        for record in sorted(records, key=lambda entry: int(entry["seq"])):
            if record["aggregate"] not in unsaid:
                lines[record["aggregate"]].append(record)
        return {key: line for key, line in sorted(lines.items()) if len(line) > 1}


def _is_folded(line: Sequence[Document]) -> bool:
    """Whether the last record answers all that those before it answered."""
    return set(line[-1]["causes"]).issuperset(cause for record in line[:-1] for cause in record["causes"])


def _last(key: str, line: Sequence[Document], state: State, now_us: int) -> Entry[State]:
    causes = list(dict.fromkeys(cause for record in line for cause in record["causes"]))
    return Entry(key, line[-1]["seq"] + 1, causes, now_us, state, [], encoded_state(state))
