"""Staffing: whether anybody is there who can ever label a unit; told when it is sent, for it is let in all the same.

People are defined and get skills at any time, so nothing is refused for want of them. What a unit asks for and nobody
has today is told to its sender, who can see a slip of the pen where assign sees only a unit that waits.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.ingest.domain.identity import UnitState

CLOSE_MAX = 3


class Caution(NamedTuple):
    """Something about a unit that is taken: which field, what is to be seen about it, and the cure."""

    field: str
    problem: str
    cure: str


class Staff:
    """Who annotates, and what each is able to; asked once for all units of a batch that want the same.

    Args:
        skills_of: the skills of every annotator that is defined, by name.
    """

    def __init__(self, skills_of: Mapping[str, frozenset[str]]) -> None:
        self.skills_of = skills_of
        self._found: dict[tuple[tuple[str, ...], tuple[str, ...], int], list[Caution]] = {}

    def cautions(self, unit: UnitState, overlap: int) -> list[Caution]:
        """Return what keeps a unit from ever getting the labels that it is to get at first.

        Args:
            unit: who is named, and what is asked for.
            overlap: labels wanted at first; a gold unit measures whoever is there, be it one.
        """
        if not unit.annotators and not unit.skills:
            return []
        wanted = (unit.annotators, unit.skills, 1 if unit.gold else overlap)
        if wanted not in self._found:
            self._found[wanted] = list(self._look(*wanted))
        return self._found[wanted]

    def _look(self, named: tuple[str, ...], skills: tuple[str, ...], overlap: int) -> Iterator[Caution]:
        unknown = [name for name in named if name not in self.skills_of]
        if unknown:
            problem = f"names {len(unknown)} who are not defined, {unknown[0]!r} first"
            yield Caution("annotators", problem, "define them, or name others under a new id")
        lacking = [skill for skill in skills if not any(skill in had for had in self.skills_of.values())]
        if lacking:
            problem = f"asks for {lacking[0]!r}, which nobody has{self._close(lacking[0])}"
            yield Caution("skills", problem, "give the skill to somebody, or ask for another under a new id")
        if unknown or lacking:
            return
        among = named or self.skills_of.keys()
        able = sum(self.skills_of[name] >= set(skills) for name in among)
        if able < overlap:
            field = "annotators" if named else "skills"
            problem = f"leaves {able} who can label the unit, and {overlap} labels are wanted at first"
            yield Caution(field, problem, "name more people, define more, or lower policy.overlap.initial")

    def _close(self, skill: str) -> str:
        known = sorted({had for skills in self.skills_of.values() for had in skills})
        close = [had for had in known if had.strip().casefold() == skill.strip().casefold()][:CLOSE_MAX]
        return f" (somebody has {', '.join(map(repr, close))})" if close else ""
