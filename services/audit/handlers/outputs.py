"""Taking outputs of clients' models, each by itself: what one line says wrong keeps no other from being taken."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.contracts.ids import client_of, keyed, placed_id, slot_of, slot_of_project, unit_id_of
from concord.contracts.names import NameRefused, name_from
from concord.labels import LabelFault, encoded, label_of
from services.audit.domain import output as output_domain
from services.audit.domain.feedback import class_name, probabilities_fault
from services.audit.domain.output import (
    OUTPUTS_MAX,
    Model,
    ModelsState,
    Output,
    OutputWish,
    PostedOtherwise,
    TooManyModels,
)
from services.audit.domain.unit import UnitState
from services.audit.handlers.means import Means
from services.audit.repository import MODELS, OUTPUT, models_key, output_key

POSTED_AT_ONCE = 200
"""Outputs that are read and decided upon in one go; others run in between."""


class Refusal(NamedTuple):
    """Why an output is not taken."""

    field: str
    problem: str
    cure: str


Result = Refusal | bool
"""What became of an output: refused, taken now (True), or taken before (False)."""


@dataclass(slots=True)
class Posting:
    """One body of outputs, some of which were taken.

    Attributes:
        counts: by version, how many units it says something of.
    """

    project: Project
    counts: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Takes outputs; whose project it is was seen to at the door."""

    means: Means

    async def post(self, posting: Posting, wishes: Sequence[OutputWish]) -> list[Result]:
        """Take some outputs, each by itself; what was taken before changes nothing.

        Raises:
            Backlogged: nothing is taken now.
        """
        self.means.journal.refuse_backlog()
        await asyncio.sleep(0)  # others run between some outputs and the next
        project = posting.project
        named = [output_wish.unit_id for output_wish in wishes if output_wish.unit_id is not None]
        known = await self.means.repository.units([unit_id for unit_id in named if self._may_be_of(project, unit_id)])
        read = await asyncio.to_thread(self._read_all, project, wishes, known)
        results: list[Result] = [output if isinstance(output, Refusal) else False for output in read]
        outputs = {place: output for place, output in enumerate(read) if isinstance(output, Output)}
        for model_id in dict.fromkeys(output.model_id for output in outputs.values()):
            places = [place for place, output in outputs.items() if output.model_id == model_id]
            wish = wishes[places[0]]
            refused = await self._post(posting, (wish.model, wish.model_version), [outputs[place] for place in places])
            for place, result in zip(places, refused, strict=True):
                results[place] = result
        return results

    def _may_be_of(self, project: Project, unit_id: str) -> bool:
        return client_of(unit_id) == project.client_id and slot_of(unit_id) == slot_of_project(project.project_id)

    def _read_all(
        self, project: Project, wishes: Sequence[OutputWish], known: dict[str, UnitState]
    ) -> list[Output | Refusal]:
        now_us = self.means.clock.now_us()
        return [self._read(project, wish, known, now_us) for wish in wishes]

    def _read(self, project: Project, wish: OutputWish, known: dict[str, UnitState], now_us: int) -> Output | Refusal:
        """Return the output that a wish says, or why it says none."""
        for name, value in (("model", wish.model), ("model_version", wish.model_version)):
            try:
                name_from(value)
            except NameRefused as refusal:
                return Refusal(name, refusal.problem, refusal.cure)
        if (wish.unit_id is None) == (wish.event_id is None):
            return Refusal("event_id", "must be there, or else unit_id, and not both", "send one of the two")
        if wish.unit_id is not None:
            unit = known.get(wish.unit_id)
            if unit is None or unit.project_id != project.project_id:
                cure = "send the id as an export has it, or your own as event_id"
                return Refusal("unit_id", "is no unit of this project", cure)
        try:
            label = label_of(project.offered(), wish.label, None)
        except LabelFault as fault:
            return Refusal(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure)
        if wish.probabilities and (problem := probabilities_fault(project.schema, wish.probabilities)) is not None:
            return Refusal("probabilities", *problem)
        sure = wish.confidence
        if sure is None and wish.probabilities:
            sure = wish.probabilities.get(class_name(label), 0.0)
        project_id, secret = project.project_id, self.means.id_secret
        unit_id = wish.unit_id or unit_id_of(secret, project_id, wish.event_id or "")
        model_id = self._model_id(project_id, wish.model, wish.model_version)
        return Output(
            project_id, model_id, unit_id, wish.event_id or "", encoded(label).decode(), now_us, sure,
            wish.probabilities,
        )  # fmt: skip

    def _model_id(self, project_id: str, model: str, version: str) -> str:
        secret = self.means.id_secret
        return placed_id("m", project_id, keyed(secret, project_id, "model", name_from(model), name_from(version)))

    async def _post(self, posting: Posting, name: tuple[str, str], outputs: Sequence[Output]) -> list[Result]:
        """Take outputs of one version."""
        repository, model_id = self.means.repository, outputs[0].model_id
        try:
            await self._register(posting.project.project_id, model_id, *map(name_from, name))
        except TooManyModels as refusal:
            return [Refusal(refusal.field, str(refusal), refusal.cure)] * len(outputs)
        if model_id not in posting.counts:
            posting.counts[model_id] = set(await repository.units_said(model_id))
        model_counts = posting.counts[model_id]
        taken = []
        for output in outputs:
            if output.unit_id in model_counts or len(model_counts) < OUTPUTS_MAX:
                model_counts.add(output.unit_id)
                taken.append(output)
        await repository.list_outputs(model_id, dict.fromkeys(each.unit_id for each in taken))
        outcomes = iter(await self.means.journal.apply(OUTPUT, [_posted(each) for each in taken]))
        full = Refusal(
            "model_version", f"has outputs of {OUTPUTS_MAX} units, which is as many as are held", "give it another name"
        )
        places = set(map(id, taken))
        results: list[Result] = []
        for posted in outputs:
            if id(posted) not in places:
                results.append(full)
                continue
            outcome = next(outcomes)
            if isinstance(outcome.error, PostedOtherwise):
                results.append(Refusal(outcome.error.field, str(outcome.error), outcome.error.cure))
            elif outcome.error is not None:
                raise outcome.error
            else:
                results.append(not outcome.repeated)
        return results

    async def _register(self, project_id: str, model_id: str, name: str, version: str) -> None:
        """See to it that a version is among the project's.

        Raises:
            TooManyModels: see there.
        """
        if any(model.model_id == model_id for model in (await self.means.repository.models(project_id)).models):
            return

        def decide(state: ModelsState | None, now_us: int) -> Decision[ModelsState] | None:
            after = (state or ModelsState(project_id)).registered(Model(model_id, name, version, now_us))
            return None if after is None else Decision(after)

        await self.means.journal.decide(MODELS, Cause(models_key(project_id), f"model/{model_id}", decide))


def _posted(output: Output) -> Cause[Output]:
    content = msgspec.json.encode((output.label, output.confidence, sorted(output.probabilities.items())))

    def decide(state: Output | None, now_us: int) -> Decision[Output] | None:
        del now_us
        after = output_domain.posted(state, output)
        return None if after is None else Decision(after)

    cause_id = f"post/{hashlib.sha256(content).hexdigest()}"
    return Cause(output_key(output.model_id, output.unit_id), cause_id, decide, creates=True)
