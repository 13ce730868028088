"""Feedback on clients' models: scores, disagreements and who judges them, and what to label next."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.labels import ClassedSchema, LabelFault, decoded
from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson
from concord.quality.model_score import Held
from concord.review import has_part
from services.audit.announcements import SERVICE, label_error_found
from services.audit.domain import output as output_domain
from services.audit.domain.feedback import (
    Chosen,
    Compared,
    Moved,
    Unscored,
    Waiting,
    as_read,
    chosen,
    compared,
    held,
    model_first,
    moved,
)
from services.audit.domain.lot import LotState
from services.audit.domain.output import (
    LABEL_WRONG,
    DisagreementDoesNotExist,
    Judgement,
    Model,
    ModelsState,
    Output,
    Side,
    finding_of,
)
from services.audit.domain.unit import UnitState
from services.audit.handlers.means import Means
from services.audit.repository import CHUNK_UNITS, OUTPUT, output_key


class Tally(NamedTuple):
    """What a version's outputs come to.

    Attributes:
        held: those that were held against accepted labels, and `fields`, by field, whether each answer was right.
        unscored: how many were not, by the reason.
        findings: of the disagreements that were judged.
    """

    outputs: int
    held: list[Held]
    fields: dict[str, list[bool]]
    unscored: Counter[Unscored]
    findings: list[output_domain.Finding]

    def accuracy_of(self, name: str) -> Estimate:
        """Return how often a field of labels that have several is right."""
        rights = self.fields[name]
        return wilson(sum(rights), len(rights))


class Next(NamedTuple):
    """Which units to label next, out of how many, and whether what the model says has moved."""

    chosen: list[Chosen]
    waiting: int
    moved: Moved


class _Parties(NamedTuple):
    """Units and lots that outputs are about; `stands` names the unit that stands for one of the same content."""

    stands: dict[str, str]
    units: dict[str, UnitState]
    lot_of: dict[str, str]


@dataclass(frozen=True, slots=True)
class Feedback:
    """The use cases; whose project it is was seen to at the door."""

    means: Means

    async def models(self, project_id: str) -> ModelsState:
        """Return the versions of models that a project holds outputs of."""
        return await self.means.repository.models(project_id)

    async def score(self, project: Project, model_id: str) -> Tally:
        """Hold a version's outputs against all labels that are accepted by now.

        Raises:
            ModelDoesNotExist: see there.
        """
        (await self.models(project.project_id)).model(model_id)
        tally = Tally(0, [], {}, Counter(), [])
        outputs = 0
        async for chunk in self._compared(project, model_id):
            for output, verdict in chunk:
                outputs += 1
                if output.judgement is not None:
                    tally.findings.append(output.judgement.finding)
                if not isinstance(verdict, Compared):
                    tally.unscored[verdict] += 1
                    continue
                tally.held.append(held(verdict, project.schema))
                for name, right in verdict.fields:
                    tally.fields.setdefault(name, []).append(right)
        return tally._replace(outputs=outputs)

    async def disagreements(
        self, project: Project, model_id: str, after: tuple[int, str] | None, limit: int, reviewer_id: str | None = None
    ) -> tuple[list[Compared], tuple[int, str] | None]:
        """Return where a version says another thing than what was accepted, most to be learnt first.

        Args:
            project: whose.
            model_id: which version.
            after: rank and unit of the last one of the page before; None for the first page.
            limit: at most so many.
            reviewer_id: for whom alone: what was judged is left out, and what they had a part in.

        Returns:
            The page, and where the rest goes on; None at the end.

        Raises:
            ModelDoesNotExist: see there.
        """
        (await self.models(project.project_id)).model(model_id)
        ranks: list[tuple[int, str]] = []
        async for chunk in self._compared(project, model_id):
            for output, verdict in chunk:
                if not isinstance(verdict, Compared) or verdict.right or (reviewer_id is not None and output.judgement):
                    continue
                place = (-verdict.rank, output.unit_id)
                if after is None or place > (-after[0], after[1]):
                    ranks.append(place)
        ranks.sort()
        page: list[Compared] = []
        for start in range(0, len(ranks), CHUNK_UNITS):
            for verdict in await self._again(
                project, model_id, [unit for _, unit in ranks[start : start + CHUNK_UNITS]]
            ):
                if reviewer_id is None or await self._may_judge(verdict, reviewer_id):
                    if len(page) == limit:
                        return page, (page[-1].rank, page[-1].output.unit_id)
                    page.append(verdict)
        return page, None

    async def judge(self, project: Project, model_id: str, unit_id: str, side: Side, reviewer: str, reason: str) -> str:
        """Take a reviewer's word on the two sides of a disagreement; return whether it was taken now or repeated.

        Raises:
            ModelDoesNotExist, DisagreementDoesNotExist, JudgedBefore: see there.
        """
        model = (await self.models(project.project_id)).model(model_id)
        found = await self._again(project, model_id, [unit_id])
        if not found or not await self._may_judge(found[0], reviewer):
            raise DisagreementDoesNotExist("There is no such disagreement to judge.")
        output = found[0]
        finding = finding_of(side, model_first(self.means.sample_secret, output.output))
        cause_id, trace = f"judge/{unit_id}/{reviewer}/{side}", trace_headers()

        def decide(state: Output | None, now_us: int) -> Decision[Output] | None:
            judgement = Judgement(finding, side, reviewer, reason, now_us)
            after = output_domain.judged(state, judgement)
            if after is None:
                return None
            announcer = Announcer(SERVICE, f"{model_id}/{cause_id}", now_us, trace)
            outgoings = [label_error_found(announcer, output, model, judgement)] if finding in LABEL_WRONG else []
            return Decision(after, outgoings)

        outcome = await self.means.journal.decide(OUTPUT, Cause(output_key(model_id, unit_id), cause_id, decide))
        return "repeated" if outcome.repeated else "taken"

    async def next(self, project: Project, model_id: str, size: int, random_share: float) -> Next:
        """Return which units to label next, of those that a version says something of and that have not come in.

        Raises:
            ModelDoesNotExist: see there.
        """
        models = await self.models(project.project_id)
        models.model(model_id)
        other = models.before(model_id)
        waiting: list[Waiting] = []
        accepted: list[str] = []
        async for chunk in self._compared(project, model_id):
            left = [output for output, verdict in chunk if verdict == "not_admitted" and output.event_id]
            accepted += [verdict.output.label for _, verdict in chunk if isinstance(verdict, Compared)]
            otherwise = await self._otherwise(project, other, left)
            waiting += [Waiting(as_read(output, project.read_text), output.unit_id in otherwise) for output in left]
        classed = isinstance(project.schema, ClassedSchema)
        change = moved(accepted if classed else [], [unit.output.label for unit in waiting] if classed else [])
        secret = self.means.sample_secret
        found = await asyncio.to_thread(chosen, waiting, change.classes, size, random_share, secret)
        return Next(found, len(waiting), change)

    async def _otherwise(self, project: Project, other: Model | None, outputs: Sequence[Output]) -> set[str]:
        """Return the units of which another version says another thing."""
        if other is None or not outputs:
            return set()
        labelled = {output.unit_id: output for output in outputs}
        theirs = await self.means.repository.outputs(other.model_id, list(labelled))
        return await asyncio.to_thread(_different, project, labelled, theirs)

    async def _may_judge(self, output: Compared, reviewer_id: str) -> bool:
        """Return whether a reviewer had no part in a unit, and its disagreement waits or was judged by them."""
        unit = (await self.means.repository.units([output.unit_id])).get(output.unit_id)
        if unit is None or has_part(unit.participants, reviewer_id):
            return False
        return unit.inspection is None or unit.inspection.auditor_id != reviewer_id

    async def _again(self, project: Project, model_id: str, unit_ids: Sequence[str]) -> list[Compared]:
        """Return disagreements by their units, in this order; what is none is left out."""
        outputs = await self.means.repository.outputs(model_id, unit_ids)
        found = await self._chunk(project, outputs, {})
        return [verdict for _, verdict in found if isinstance(verdict, Compared) and not verdict.right]

    async def _compared(
        self, project: Project, model_id: str
    ) -> AsyncIterator[list[tuple[Output, Compared | Unscored]]]:
        """Yield a version's outputs, each held against what was accepted of its unit, a chunk at a time."""
        lots: dict[str, LotState] = {}
        unit_ids = await self.means.repository.units_said(model_id)
        for start in range(0, len(unit_ids), CHUNK_UNITS):
            outputs = await self.means.repository.outputs(model_id, unit_ids[start : start + CHUNK_UNITS])
            yield await self._chunk(project, outputs, lots)
            await asyncio.sleep(0)

    async def _chunk(
        self, project: Project, outputs: Sequence[Output], lots: dict[str, LotState]
    ) -> list[tuple[Output, Compared | Unscored]]:
        parties = await self._parties([output.unit_id for output in outputs])
        wanted = sorted({lot_id for lot_id in parties.lot_of.values() if lot_id not in lots})
        lots.update((lot.lot_id, lot) for lot in await self.means.repository.lots(wanted))
        return await asyncio.to_thread(_held_against, project, outputs, parties, lots)

    async def _parties(self, unit_ids: Sequence[str]) -> _Parties:
        repository = self.means.repository
        units = await repository.units(unit_ids)
        stands = await repository.standing_in([unit_id for unit_id in unit_ids if unit_id not in units])
        units |= await repository.units(sorted(set(stands.values())))
        return _Parties(stands, units, await repository.lots_of(units))


def _held_against(
    project: Project, outputs: Sequence[Output], parties: _Parties, lots: dict[str, LotState]
) -> list[tuple[Output, Compared | Unscored]]:
    corrected: dict[str, set[str]] = {}
    found: list[tuple[Output, Compared | Unscored]] = []
    for output in outputs:
        unit_id = parties.stands.get(output.unit_id, output.unit_id)
        lot = lots.get(parties.lot_of.get(unit_id, ""))
        if lot is not None and lot.lot_id not in corrected:
            corrected[lot.lot_id] = {lot.unit_ids[place] for place in lot.corrections}
        wrong = lot is not None and unit_id in corrected[lot.lot_id]
        unit, text = parties.units.get(unit_id), project.read_text
        found.append((output, compared(output, unit, lot, wrong, project.schema, text)))
    return found


def _different(project: Project, labelled: dict[str, Output], theirs: Sequence[Output]) -> set[str]:
    found = set()
    for other in theirs:
        output = labelled[other.unit_id]
        own, another = (decoded(project.read_text(each.label).encode()) for each in (output, other))
        try:
            same = project.schema.says_same(project.schema.canonical(own), project.schema.canonical(another))
        except LabelFault:
            continue
        if not same:
            found.add(output.unit_id)
    return found
