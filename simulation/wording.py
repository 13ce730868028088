"""What clients make of their classes while people label, and what the town's truths are called since.

The town keeps its own account of it, by the plainest means: for each version what its first classes are called by
whoever sees the truth, and for each name that ever was the one that it reads as now. It shares no code with the
services.
"""

import random
from dataclasses import dataclass, field
from typing import Any

CLASSES_MIN = 2
CHANGES_MAX = 6
"""Of one project: each makes a version."""
KINDS = ("add", "rename", "rename", "merge", "split", "retire")


@dataclass
class Wording:
    """The versions of one project's classes.

    Attributes:
        offers: by version, from the first, the classes that it offers.
        spoken: by version, the name of each first class as it is to be said under it.
        reads: by version, of every name that was by then, the name as which it read then.
        closed: names of classes that were retired or split: nobody can say them, and they read as they were said.
        split: of those that were split, the parts.
        parted: those that were split once, also where their parts have become one since.
    """

    offers: list[list[str]]
    spoken: list[dict[str, str]]
    reads: list[dict[str, str]]
    closed: set[str] = field(default_factory=set)
    split: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, classes: list[str]) -> "Wording":
        """Return the first version."""
        same = {name: name for name in classes}
        return cls([list(classes)], [dict(same)], [dict(same)])

    @property
    def version(self) -> int:
        """Return the newest version; 1 is the first."""
        return len(self.spoken)

    @property
    def offered(self) -> list[str]:
        """Return the classes of the newest version."""
        return self.offers[-1]

    def said(self, true: Any, version: int) -> Any:
        """Return a true label in the names of a version."""
        return self.spoken[min(version, self.version) - 1].get(true, true) if isinstance(true, str) else true

    def read(self, label: Any, version: int = 0) -> Any:
        """Return what a label says in a version's names, for 0 the newest; one of a split class keeps its name."""
        return self.reads[version - 1].get(label, label) if isinstance(label, str) else label

    def said_several(self, label: Any) -> bool:
        """Return whether a label said one of several things under some version: its class was split, at least once."""
        return any(entry.get(label, label) in self.parted for entry in self.reads) if isinstance(label, str) else False

    def says_true(self, label: Any, true: Any) -> bool:
        """Return whether a label says what is true, under whichever version."""
        return self.read(label) in {self.read(entry.get(true)) for entry in self.spoken}

    def changed(self, draw: random.Random) -> tuple["Wording", dict[str, Any]]:
        """Return the wording after one change, and the change as a client words it."""
        number = self.version + 1
        what, name = draw.choice(KINDS), draw.choice(self.offered)
        stem = name.partition("-")[0]
        others = [key for key in self.offered if key != name]
        if what in ("merge", "retire") and len(others) < CLASSES_MIN:
            what = "split"
        if what == "add":
            return self._after([*self.offered, f"new-{number}"], {}), {}
        if what == "rename":
            into = f"{stem}-{number}"
            offered = [into if key == name else key for key in self.offered]
            return self._after(offered, {name: into}), {"rename": {name: into}}
        if what == "merge":
            into = draw.choice(others)
            return self._after(others, {name: into}), {"merge": {name: into}}
        # Whoever sees what is called nothing any more says what is nearest: the first part, or the first that is left.
        if what == "split":
            parts = (f"{stem}-{number}a", f"{stem}-{number}b")
            return self._after([*others, *parts], {}, name, parts[0], parts), {"split": {name: parts}}
        return self._after(others, {}, name, others[0]), {"retire": [name]}

    def _after(
        self, offered: list[str], into: dict[str, str], gone: str = "", instead: str = "", parts: tuple[str, ...] = ()
    ) -> "Wording":
        reads = {name: into.get(now, now) for name, now in self.reads[-1].items()} | {name: name for name in offered}
        spoken = {true: instead if now == gone else into.get(now, now) for true, now in self.spoken[-1].items()}
        closed = self.closed | ({gone} if gone else set())
        split = self.split | ({gone: parts} if parts else {})
        parted = self.parted | split.keys()
        # The parts of a class may have become one: what was said of it says that.
        while alike := [name for name, each in split.items() if len({reads[part] for part in each}) == 1]:
            now = {name: reads[split.pop(name)[0]] for name in alike}
            reads = {name: now.get(read, read) for name, read in reads.items()}
            closed -= now.keys()
        return Wording([*self.offers, offered], [*self.spoken, spoken], [*self.reads, reads], closed, split, parted)
