"""Everybody who annotates, and who of them is fit for what: a hint, from the annotators topic."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence

from services.assign.domain.eligibility import AnnotatorState, abilities
from services.assign.domain.roster import Sought

KEPT_US = 30_000_000
"""For how long it is remembered who is fit, in microseconds: credentials end."""
SKILL_SETS_MAX = 1_000
RETIRED = "retired"
LOOKS_MAX = 10_000
"""Annotators that are looked at for one page: of a rare kind a page may hold few, or none, and go on."""


class Pool:
    """The annotators that are defined.

    Attributes:
        models: those that are models.
    """

    def __init__(self) -> None:
        self._annotators: dict[str, AnnotatorState] = {}
        self._names: list[str] = []
        self._able: defaultdict[str, set[str]] = defaultdict(set)
        self._fit: dict[tuple[str, ...], tuple[int, frozenset[str]]] = {}
        self.models: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._annotators)

    def settle(self, annotator: AnnotatorState) -> None:
        """Take over an annotator as last defined."""
        before = self._annotators.get(annotator.annotator_id)
        if before is not None and before.revision >= annotator.revision:
            return
        if before is None:
            insort(self._names, annotator.annotator_id)
        for ability in _ever(before) if before is not None else ():
            self._able[ability].discard(annotator.annotator_id)
        for ability in _ever(annotator):
            self._able[ability].add(annotator.annotator_id)
        self._annotators[annotator.annotator_id] = annotator
        if (annotator.kind == "model") != (annotator.annotator_id in self.models):
            self.models ^= {annotator.annotator_id}
        self._fit.clear()

    def find(self, annotator_id: str) -> AnnotatorState | None:
        """Return an annotator as last told, or None."""
        return self._annotators.get(annotator_id)

    def page(self, sought: Sought, after: str, now_us: int, size: int) -> tuple[list[AnnotatorState], str]:
        """Return annotators who are looked for, by name, and the name after which more may come; empty: none do.

        Args:
            sought: who.
            after: names after this one.
            now_us: the time.
            size: how many at most.
        """
        found: list[AnnotatorState] = []
        first = bisect_right(self._names, after)
        looked_at = self._names[first : first + LOOKS_MAX]
        for looks, name in enumerate(looked_at, 1):
            if sought.holds(annotator := self._annotators[name], now_us):
                found.append(annotator)
            if len(found) == size:
                return found, name if first + looks < len(self._names) else ""
        return found, looked_at[-1] if first + len(looked_at) < len(self._names) else ""

    def fit_for(self, skills: Sequence[str], now_us: int) -> frozenset[str]:
        """Return who has these skills now, those left out who are retired."""
        key = tuple(skills)
        known = self._fit.get(key)
        if known is not None and 0 <= now_us - known[0] < KEPT_US:
            return known[1]
        found = self._found(key, now_us)
        if len(self._fit) >= SKILL_SETS_MAX:
            self._fit.clear()
        self._fit[key] = (now_us, found)
        return found

    def _found(self, skills: tuple[str, ...], now_us: int) -> frozenset[str]:
        if not skills:
            return frozenset(
                annotator_id for annotator_id, annotator in self._annotators.items() if annotator.state != RETIRED
            )
        fewest = min((self._able.get(skill, set()) for skill in skills), key=len)
        return frozenset(
            annotator_id
            for annotator_id in fewest
            if abilities(self._annotators[annotator_id], now_us).issuperset(skills)
        )


def _ever(annotator: AnnotatorState) -> set[str]:
    if annotator.state == RETIRED:
        return set()
    return {*annotator.skills, *(credential.domain for credential in annotator.credentials)}
