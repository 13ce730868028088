"""Checking: what is sent becomes candidates, or refusals with field and cure. Nothing is stored yet."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from concord.chassis.store.port import Document
from concord.contracts.codec import Headers
from concord.contracts.names import NameRefused, name_from
from concord.labels import LabelFault, LabelSchema, encoded, label_of, schema_from
from services.ingest.domain.admission import Suggestion, UnitRefused, UnitWish, canonical_content, checked
from services.ingest.domain.identity import Claim, Suggested, UnitState
from services.ingest.domain.project import Policy, ProjectState
from services.ingest.domain.sampling import hidden
from services.ingest.repository import Repository, payload


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that passed its checks and is on its way in."""

    position: int
    claim: Claim
    content: bytes
    trace: Headers

    @property
    def unit(self) -> UnitState:
        """Return the unit as it is to be admitted."""
        return self.claim.unit


class Checking:
    """Makes candidates of what is sent.

    Args:
        repository: makes the ids.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def candidates(
        self,
        project: ProjectState,
        wishes: Sequence[UnitWish],
        traces: Sequence[Headers],
        refused: MutableMapping[int, UnitRefused],
    ) -> list[Candidate]:
        """Return what passes its checks; note the others' refusals by their positions."""
        schema = schema_from(project.definition.label_schema)
        policy = project.definition.policy
        candidates = []
        for position, (sent, trace) in enumerate(zip(wishes, traces, strict=True)):
            try:
                wish = checked(_named(sent))
                content = canonical_content(wish.content)
                length = len(wish.content) if isinstance(wish.content, str) else None
                gold = None if wish.gold is None else _label("gold", schema, wish.gold, length)
                suggested = None if wish.suggestion is None else _suggested(schema, wish.suggestion, length)
            except UnitRefused as refusal:
                refused[position] = refusal
                continue
            unit = self._unit(project.project_id, wish, content, gold)
            if suggested is not None:
                unit, suggested = self._shown(unit, suggested, wish.uncertainty, policy)
            candidates.append(Candidate(position, Claim(unit, gold, length, suggested), content, trace))
        return candidates

    def _shown(
        self, unit: UnitState, suggested: Suggested, uncertainty: float | None, policy: Policy
    ) -> tuple[UnitState, Suggested]:
        """Return a unit with what its suggestion says of it, and the suggestion, hidden or not."""
        told = encoded([suggested.label.decode(), suggested.model, suggested.confidence])
        mark = self.repository.gold_mark(unit.project_id, told)
        if uncertainty is None and suggested.confidence is not None:
            uncertainty = 1.0 - suggested.confidence
        unit = msgspec.structs.replace(unit, suggestion_mark=mark, uncertainty=uncertainty)
        return unit, msgspec.structs.replace(suggested, hidden=hidden(unit.unit_id, policy))

    def _unit(self, project_id: str, wish: UnitWish, content: bytes, gold: bytes | None) -> UnitState:
        return UnitState(
            unit_id=self.repository.unit_id(project_id, wish.id),
            project_id=project_id,
            source_id=wish.id,
            media_type=wish.media_type,
            fingerprint=self.repository.fingerprint(project_id, content),
            gold_mark="" if gold is None else self.repository.gold_mark(project_id, gold),
            priority=wish.priority,
            skills=tuple(sorted(wish.skills)),
            annotators=wish.annotators,
            uncertainty=wish.uncertainty,
            stratum=wish.stratum,
        )


def stored(one: Candidate) -> Document:
    """Return what is stored of a unit: its content, and a suggestion that annotators are shown."""
    suggested = one.claim.suggested
    shown = suggested is not None and not suggested.hidden
    return payload(one.unit, one.content, msgspec.json.encode(suggested) if shown else b"")


def _named(wish: UnitWish) -> UnitWish:
    """Return the wish with its annotators' names as they are kept."""
    names = []
    for place, sent in enumerate(wish.annotators):
        try:
            names.append(name_from(sent))
        except NameRefused as refused:
            raise UnitRefused(f"annotators[{place}]", refused.problem, refused.cure) from refused
    return msgspec.structs.replace(wish, annotators=tuple(names)) if names else wish


def _label(field: str, schema: LabelSchema, value: Any, text_characters: int | None) -> bytes:
    try:
        return encoded(label_of(schema, value, text_characters))
    except LabelFault as fault:
        raise UnitRefused(f"{field}{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault


def _suggested(schema: LabelSchema, said: Suggestion, text_characters: int | None) -> Suggested:
    label = _label("suggestion.label", schema, said.label, text_characters)
    return Suggested(label, said.model, said.confidence)
