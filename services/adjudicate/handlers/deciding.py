"""What the use cases share: projects by id, the weighing of labels, and the way from a judgement to the journal."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import msgspec

from concord.chassis.errors import Poison
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.table import Table, Unknown
from concord.chassis.telemetry import Instruments, trace_of
from concord.contracts.codec import Headers
from concord.labels import Json, decoded, encoded
from concord.labels.fields import Field
from concord.quality.stopping import Prices
from services.adjudicate.announcements import SERVICE, decision
from services.adjudicate.domain.confusion import WHOLE
from services.adjudicate.domain.consensus import MERGED_AT_ONCE_BYTES, Leading, Method, Weights, leading
from services.adjudicate.domain.fields import Known, leading_form
from services.adjudicate.domain.rule import Rule
from services.adjudicate.domain.unit import (
    RESOLVED,
    Admission,
    Annotation,
    Judged,
    UnitState,
    Weigh,
    admitted,
)
from services.adjudicate.repository import Repository, unit_key

DECIDED = frozenset({"consensus", "escalated"})
SHARES_OF_GOLD_ALONE = frozenset({"gold", "competence"})
"""`consensus.learn` under which the mix of classes is that of hidden gold."""
REMEMBERED_CHARACTERS_MAX = 200
"""Of a label that is read once for a batch: it names a class, and a longer one is seldom said twice."""
MERGES_MAX = 20
"""How often the causes of one batch may ask for labels to be merged: other processes may add to their units."""

Judge = Callable[[UnitState | None, Weigh], Judged | None]
"""A domain's decision: the state before, and how labels are weighed."""


Given = tuple[tuple[str, str], ...]
"""The labels of one unit: annotator and canonical JSON text, in the order in which they came in."""

Read = Sequence[tuple[str, Json]]
"""The same as they read now."""


class NotMerged(Exception):
    """These labels are too many to be merged in passing; the cause is to be asked again when they have been."""

    def __init__(self, project: Project, given: Given) -> None:
        super().__init__(f"{len(given)} labels of {project.project_id} are to be merged first")
        self.project = project
        self.given = given


class Batch:
    """What one batch of causes has in common: merges that were made for it, and what its causes led to.

    What is known of a project's annotators and how its policy reads is looked up once for all of its units: their
    decisions are one step, and whichever of them comes first tells nothing yet about the others.
    """

    def __init__(self) -> None:
        self.merges: dict[tuple[str, Given], Leading] = {}
        self.verdicts: dict[str, str] = {}
        self._rules: dict[int, tuple[Project, Rule]] = {}
        self._leading: dict[int, tuple[Project, Callable[[Given], Leading]]] = {}

    def rule_of(self, project: Project) -> Rule:
        """Return when the project's units are settled; see there."""
        found = self._rules.get(id(project))
        if found is None:
            found = self._rules[id(project)] = project, rule_of(project)
        return found[1]

    def leading(
        self, project: Project, how: Callable[[Project], Callable[[Given], Leading]]
    ) -> Callable[[Given], Leading]:
        """Return how a project's labels are weighed, which `how` makes on first use."""
        found = self._leading.get(id(project))
        if found is None:
            found = self._leading[id(project)] = project, how(project)
        return found[1]


class Deciding:
    """How units are decided on.

    Args:
        repository: where facts are found.
        projects: their policies.
        instruments: those of `telemetry.INSTRUMENTS`.
    """

    def __init__(self, repository: Repository, projects: Table[Project], instruments: Instruments) -> None:
        self.repository = repository
        self.projects = projects
        self.instruments = instruments

    async def project(self, project_id: str) -> Project:
        """Return a unit's project, waiting a little for it.

        Raises:
            Poison: there is none.
        """
        try:
            return await self.projects.get(project_id)
        except Unknown as fault:
            raise Poison(str(fault)) from fault

    def cause(
        self,
        unit_id: str,
        cause_id: str,
        project: Project,
        batch: Batch,
        judge: Judge,
        *,
        trace: Headers = (),
        creates: bool = False,
    ) -> Cause[UnitState]:
        """Return the cause that judges a unit, and words what follows."""

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
            judged = judge(state, self._weigh(project, batch))
            if judged is None:
                return None
            if judged.state.begun or judged.verdict != "recorded":
                # A life that starts need not ask again by a policy that was asked: what is known of annotators has
                # changed meanwhile, and a round would be decided twice.
                by_policy = msgspec.structs.replace(judged.state, policy_revision=project.revision)
                judged = judged._replace(state=by_policy)
            if judged.verdict in DECIDED:
                version = project.version_of(judged.state.label) if judged.verdict == "consensus" else 1
                decided = msgspec.structs.replace(judged.state, decided_at_us=now_us, schema_version=version)
                judged = judged._replace(state=decided)
            if judged.state == state and not judged.joined:
                return None
            batch.verdicts[cause_id] = judged.verdict
            if judged.verdict == "recorded" and not judged.joined:
                return Decision(judged.state)
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            method, version = project.policy.consensus.method, project.guideline_version
            return Decision(judged.state, decision(announcer, judged, method, version))

        return Cause(unit_key(unit_id), cause_id, decide, creates=creates)

    async def admit(self, unit_ids: Sequence[str]) -> None:
        """Admit those of some units, of which something was told before, whose admission lies in a row by now."""
        batch, causes = Batch(), []
        for unit_id, (cause_id, row) in (await self.repository.admissions(unit_ids)).items():
            project = await self.project(row.project_id)
            judge = partial(_admitted, _admission_of(row), project)
            causes.append(self.cause(unit_id, cause_id, project, batch, judge, trace=trace_of(row.traceparent)))
        if causes:
            await self.apply(causes, batch)

    async def apply(self, causes: Sequence[Cause[UnitState]], batch: Batch) -> list[Outcome[UnitState]]:
        """Answer the causes; the first error is raised, for the consumer to find out which record is to blame."""
        outcomes = await self.repository.apply(causes)
        for _ in range(MERGES_MAX):
            unmerged = {
                place: outcome.error for place, outcome in enumerate(outcomes) if isinstance(outcome.error, NotMerged)
            }
            if not unmerged:
                break
            for wanted in unmerged.values():
                await self._merge(wanted, batch)
            again = await self.repository.apply([causes[place] for place in unmerged])
            for place, outcome in zip(unmerged, again, strict=True):
                outcomes[place] = outcome
        # Before the first error is raised, and before what was asked for is said to be done: it is asked again else.
        states = (outcome.state for outcome in outcomes if outcome.state is not None)
        await self.repository.note(state for state in states if state.status in RESOLVED)
        self._count(causes, outcomes, batch)
        return outcomes

    def _count(self, causes: Sequence[Cause[UnitState]], outcomes: Sequence[Outcome[UnitState]], batch: Batch) -> None:
        for cause, outcome in zip(causes, outcomes, strict=True):
            if outcome.error is not None:
                raise outcome.error
            verdict = batch.verdicts.get(cause.id, "recorded")
            if verdict == "recorded" or outcome.repeated:
                continue
            self.instruments.counter("concord_adjudicate_decisions", verdict).inc()
            if verdict in ("consensus", "escalated") and outcome.state is not None:
                annotations = self.instruments.histogram("concord_adjudicate_annotations_per_unit")
                annotations.observe(outcome.state.decided_round)

    async def _merge(self, wanted: NotMerged, batch: Batch) -> None:
        """Merge labels on another thread: it may take seconds, and others are served meanwhile."""
        found = await asyncio.to_thread(self._leading(wanted.project), wanted.given)
        batch.merges[wanted.project.project_id, wanted.given] = found

    def _weigh(self, project: Project, batch: Batch) -> Weigh:
        def weigh(annotations: Sequence[Annotation]) -> Leading:
            given = tuple(
                [
                    (annotation.annotator_id, annotation.label)
                    for annotation in annotations
                    if project.says(annotation.label)
                ]
            )
            if not given:
                return Leading(None, 0.0)
            if project.classed is None and sum(len(label) for _, label in given) > MERGED_AT_ONCE_BYTES:
                found = batch.merges.get((project.project_id, given))
                if found is None:
                    raise NotMerged(project, given)
                return found
            return batch.leading(project, self._leading)(given)

        return weigh

    def _leading(self, project: Project) -> Callable[[Given], Leading]:
        """Return how a project's labels are weighed by what is known of its annotators now; any thread may ask it."""
        method = cast("Method", project.policy.consensus.method)
        if project.form is not None:
            classed = [field for field in project.form.fields if field.classed is not None and method == "posterior"]
            known = {
                field.name: Known(
                    self.weights(project, field), self.seen(project, field), closed_places(project, field)
                )
                for field in classed
            }
            nothing = Known(None, {})
            of_form = partial(leading_form, project.form, known=lambda field: known.get(field.name, nothing))
            return _with_alike(partial(of_form, method=method), project)
        seen = self.seen(project) if method == "posterior" else {}
        weights, priced = self.weights(project), project.policy.consensus.HasField("prices")
        closed, asked = closed_places(project), (project.schema, project.classed)
        weighed = partial(leading, *asked, method=method, weights=weights, seen=seen, priced=priced, closed=closed)
        return _with_alike(weighed, project)

    def seen(self, project: Project, field: Field | None = None) -> Mapping[int, int]:
        """Return the units by class that a project's mix of classes is learnt from, as its policy says.

        Args:
            project: whose labels have classes, or the field.
            field: of labels that have several.
        """
        classed = project.classed if field is None else field.classed
        if classed is None:
            return {}
        view, name = self.repository.view(project.project_id), "" if field is None else field.name
        crowd = view.field(name).crowd
        found = Counter(dict(crowd.gold_units) if crowd else {})
        if project.policy.consensus.learn not in SHARES_OF_GOLD_ALONE:
            for label, units in view.settled(name).items():
                read = project.answer(name, decoded(label.encode()))
                if read is not None:
                    found[classed.index(read)] += units
        return found

    def weights(self, project: Project, field: Field | None = None) -> Weights | None:
        """Return what consensus rests on in a project, or in a field; None where labels have no classes."""
        classed = project.classed if field is None else field.classed
        if classed is None:
            return None
        policy = project.policy
        by_resolved = policy.consensus.learn != "gold"
        view = self.repository.view(project.project_id).field("" if field is None else field.name)
        return view.weights(len(classed.classes), policy.gold.pass_accuracy, by_resolved=by_resolved)


def _admission_of(unit: UnitState) -> Admission:
    """Return the admission of a unit, which is no gold, of which nothing but that is known."""
    known = unit.source_id, unit.page, unit.traceparent, unit.named, unit.text_characters
    return Admission(unit.unit_id, unit.project_id, False, *known)


def _admitted(admission: Admission, project: Project, state: UnitState | None, weigh: Weigh) -> Judged:
    return admitted(state, admission, rule_of(project), weigh)


def _with_alike(weigh: Callable[[Read], Leading], project: Project) -> Callable[[Given], Leading]:
    """Return what tells which label leads among labels as they read now, and whether all of them say the same."""
    known: dict[str, tuple[Json, bytes]] = {}

    def read(text: str) -> tuple[Json, bytes]:
        if (found := known.get(text)) is None:
            label = project.weighed(msgspec.json.decode(text))
            found = label, encoded(label)
            if len(text) <= REMEMBERED_CHARACTERS_MAX:
                known[text] = found
        return found

    def lead(given: Given) -> Leading:
        labels = [(annotator_id, *read(text)) for annotator_id, text in given]
        best = weigh([(annotator_id, label) for annotator_id, label, _ in labels])
        return replace(best, alike=len({own for _, _, own in labels}) == 1)

    return lead


def closed_places(project: Project, field: Field | None = None) -> frozenset[int]:
    """Return the places of the classes, of a field or of the label, that are offered no more."""
    classed = project.classed if field is None else field.classed
    if project.versions is None or classed is None:
        return frozenset()
    closed = project.versions.closed("" if field is None else field.name)
    return frozenset(place for place, name in enumerate(classed.classes) if name in closed)


def rule_of(project: Project) -> Rule:
    """Return when the project's units are settled."""
    overlap, consensus = project.policy.overlap, project.policy.consensus
    says = None if project.versions is None else project.says
    humans_min = project.policy.models.humans_min
    if not consensus.HasField("prices"):
        return Rule(overlap.initial, overlap.max, consensus.confidence, says=says, humans_min=humans_min)
    costs = consensus.prices
    prices = Prices(costs.label, costs.decision, costs.error)
    return Rule(overlap.initial, overlap.max, prices.settled_at, prices, says, humans_min)


def classed_fields(project: Project) -> frozenset[str]:
    """Return the fields of a project's labels that have classes; of a label that has one, its name is empty."""
    if project.form is not None:
        return frozenset(field.name for field in project.form.fields if field.classed is not None)
    return frozenset([WHOLE]) if project.classed is not None else frozenset()
