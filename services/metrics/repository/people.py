"""What labels tell of those who gave them: pace, competence on gold, and whether a break is due."""

from collections import defaultdict

from services.metrics.domain.fatigue import Person, Watch, Watched, nobody_is_watched
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import Annotation, Unit, judged_by, known_label

LATENCIES_MAX = 10_000


class People:
    """The sums of a place's projects, and what is learnt of their people.

    Attributes:
        sums: by project.
        changed: projects whose sums changed since they were measured.
        estimated: annotators of a project whose gold answers changed since they were told.
        crowds: projects of which something was learnt of gold since it was told.
        people: the people of projects that ask them for breaks.
        timed: those of whom something is to be judged.
        behind: nobody looks at the sums yet, for the place is not served.
    """

    def __init__(self, watched: Watched | None = None) -> None:
        self.sums: dict[str, Sums] = {}
        self.changed: set[str] = set()
        self.estimated: defaultdict[str, set[str]] = defaultdict(set)
        self.crowds: set[str] = set()
        self.people: dict[str, dict[str, Person]] = {}
        self.timed: defaultdict[str, set[str]] = defaultdict(set)
        self.behind = False
        self._watched = watched or nobody_is_watched
        self._watches: dict[str, Watch | None] = {}
        self._given: defaultdict[str, list[Annotation]] = defaultdict(list)
        self._people_dirty: set[str] = set()

    def sums_of(self, project_id: str) -> Sums:
        """Return a project's sums, empty at first; it counts as changed."""
        self.changed.add(project_id)
        found = self.sums.get(project_id)
        if found is None:
            found = self.sums[project_id] = Sums()
        return found

    def worked(self, unit: Unit, annotation: Annotation, before: Annotation | None) -> None:
        """Count an annotation towards its annotator's pace, and towards competence where the unit is gold.

        First words are counted when the batch ends: see `paced`.
        """
        project_id = unit.project_id
        if before is None:
            self._given[project_id].append(annotation)
            if (watch := self.watch(project_id)) is not None:
                self._timed(unit, annotation, watch)
        else:
            self.sums_of(project_id).revised(before, annotation)
        if unit.gold and not unit.erased:
            self._answered(unit, annotation, before)

    def watch(self, project_id: str) -> Watch | None:
        """Return what a project's people are watched by, until the batch ends; None where they are not."""
        try:
            return self._watches[project_id]
        except KeyError:
            found = self._watches[project_id] = self._watched(project_id)
            return found

    def paced(self) -> None:
        """Count the first words of a batch towards the pace of those who gave them."""
        self._watches.clear()
        for project_id, annotations in self._given.items():
            sums = self.sums_of(project_id)
            sums.worked(annotations)
            if not self.behind:
                room = LATENCIES_MAX - len(sums.waiting_us)
                sums.waiting_us += [annotation.at_us for annotation in annotations[: max(0, room)]]
        self._given.clear()

    def unworked(self, unit: Unit, annotation: Annotation) -> None:
        """Take out an annotation that was given after its unit was done with."""
        self.sums_of(unit.project_id).standing(annotation.annotator_id).worked_not(annotation)

    def tell_anew(self, project_id: str) -> None:
        """Have a project measured, and all who answered its gold told of, at the next turn."""
        if (sums := self.sums.get(project_id)) is not None:
            self.changed.add(project_id)
            self.crowds.add(project_id)
            self.estimated[project_id].update(name for name, standing in sums.standings.items() if standing.answers)

    def judged(self, project_id: str) -> None:
        """Note that breaks of a project's people were judged."""
        self._people_dirty.add(project_id)

    def take_people_dirty(self) -> set[str]:
        """Return the projects with people of whom something was learnt since this was last asked."""
        dirty, self._people_dirty = self._people_dirty, set()
        return dirty

    def gold_known(
        self, unit_id: str, unit: Unit, before: str, words: int, *, since: int | None = None, anew: bool = False
    ) -> None:
        """Bring the sums up to a gold unit of which something was told: that it is gold, erased, in doubt, ruled on.

        Args:
            unit_id: its id.
            unit: as it is now.
            before: the label by which answers were judged until now; empty where they were not.
            words: how many such words these are; they are counted alike in whatever order they come.
            since: the version of the label schema from which on answers were judged by it; as now, if None.
            anew: whether its answers are counted for the first time, and with them each of their revisions.
        """
        sums, known = self.sums_of(unit.project_id), known_label(unit)
        if known:
            sums.gold[unit_id] = unit
        else:
            sums.gold.pop(unit_id, None)
        self._gold_learnt(unit.project_id, unit.admitted_at_us, words)
        for annotation in unit.annotations.values():
            standing = sums.standing(annotation.annotator_id)
            was = before if annotation.schema_version >= (unit.gold_since if since is None else since) else ""
            now = judged_by(unit, annotation)
            if was and was != now:
                standing.answered(was, annotation.label, -1)
            if now and was != now:
                standing.answered(now, annotation.label)
            of_it = words + (annotation.revision if anew else 0)
            standing.learnt(annotation.at_us, of_it)
            self.estimated[unit.project_id].add(annotation.annotator_id)
            self._gold_learnt(unit.project_id, annotation.at_us, of_it)

    def _answered(self, unit: Unit, annotation: Annotation, before: Annotation | None) -> None:
        """Count an answer on gold, or its revision."""
        standing = self.sums_of(unit.project_id).standing(annotation.annotator_id)
        if known := judged_by(unit, annotation):
            if before is not None:
                standing.answered(known, before.label, -1)
            standing.answered(known, annotation.label)
        # As many words as in any other order of what is told.
        words = annotation.revision + (-before.revision if before is not None else 1 + unit.gold_revision)
        standing.learnt(annotation.at_us, words)
        self.estimated[unit.project_id].add(annotation.annotator_id)
        self._gold_learnt(unit.project_id, annotation.at_us, words)

    def _timed(self, unit: Unit, annotation: Annotation, watch: Watch) -> None:
        people = self.people.setdefault(unit.project_id, {})
        person = people.get(annotation.annotator_id)
        if person is None:
            person = people[annotation.annotator_id] = Person()
        known = judged_by(unit, annotation)
        person.worked(annotation, not watch.says(known, annotation.label) if known else None)
        person.judged(watch.breaks)  # after each, so that it falls due with the same label whenever that is counted
        self.timed[unit.project_id].add(annotation.annotator_id)
        self._people_dirty.add(unit.project_id)

    def _gold_learnt(self, project_id: str, at_us: int, words: int = 1) -> None:
        sums = self.sums_of(project_id)
        sums.gold_learnt += words
        sums.gold_at_us = max(sums.gold_at_us, at_us)
        self.crowds.add(project_id)
