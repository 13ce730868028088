"""Checking: what is sent becomes candidates, or refusals with field and cure. Nothing is stored yet."""

from collections import Counter
from collections.abc import MutableMapping, Sequence
from typing import NamedTuple

import msgspec

from concord.contracts.codec import Headers
from concord.contracts.names import NameRefused, name_from
from concord.labels import LabelFault, LabelSchema, encoded
from concord.privacy import Anonymiser, Beside
from concord.privacy.anonymise import Originals
from services.ingest.domain.admission import Suggestion, UnitRefused, UnitWish, canonical_content, checked
from services.ingest.domain.identity import Claim, Suggested, UnitState
from services.ingest.domain.privacy import anonymiser, label_replaced
from services.ingest.domain.project import Policy, ProjectState
from services.ingest.domain.sampling import hidden
from services.ingest.domain.worded import Worded, Wordings
from services.ingest.repository import Repository


class Candidate(msgspec.Struct, frozen=True):
    """A unit that passed its checks and is on its way in.

    Attributes:
        originals: what was replaced in its content, as JSON, where that is kept; it is stored sealed.
        closed: why it is refused if it is new: its label is of a class that is offered no more.
    """

    position: int
    claim: Claim
    content: bytes
    trace: Headers
    originals: bytes = b""
    closed: UnitRefused | None = None

    @property
    def unit(self) -> UnitState:
        """Return the unit as it is to be admitted."""
        return self.claim.unit


PROJECTS_REMEMBERED_MAX = 1_000
LABELS = ("gold", "suggestion.label")
"""How fields of a unit begin that hold labels."""


class Checking:
    """Makes candidates of what is sent.

    Args:
        repository: makes the ids.
        beside: makes what finds personal data beside our own rules; None: nothing does.
    """

    def __init__(self, repository: Repository, beside: Beside | None = None) -> None:
        self.repository = repository
        self._beside = beside
        self._anonymisers: dict[str, tuple[ProjectState, Anonymiser | None]] = {}

    async def checked(
        self,
        project: ProjectState,
        wishes: Sequence[UnitWish],
        traces: Sequence[Headers],
        refused: MutableMapping[int, UnitRefused],
        replaced: Counter[str],
    ) -> tuple[ProjectState, list[Candidate]]:
        """Do as `candidates` does, by the newest label schema where one is refused by the one that is known here.

        Another process may have taken the very unit by a version of which this one has not heard yet.

        Args:
            project: whose units these are.
            wishes: as they were sent.
            traces: the trace that each belongs to.
            refused: is given the refusals, by position.
            replaced: is given how much personal data of each kind was replaced; what is checked twice counts once.

        Raises:
            ProjectNotOpen: the project is paused or closed by now.
            StoreUnavailable: whether there is a newer one is not known.
        """
        found = self.candidates(project, wishes, traces, refused, replaced)
        if any(refusal.field.startswith(LABELS) for refusal in refused.values()):
            newest = await self.repository.newest(project)
            if newest.schema_version > project.schema_version:
                newest.must_be_open()
                refused.clear()
                replaced.clear()
                return newest, self.candidates(newest, wishes, traces, refused, replaced)
        return project, found

    def candidates(
        self,
        project: ProjectState,
        wishes: Sequence[UnitWish],
        traces: Sequence[Headers],
        refused: MutableMapping[int, UnitRefused],
        replaced: Counter[str],
    ) -> list[Candidate]:
        """Return what passes its checks; note the others' refusals, by position, and what was replaced, by kind."""
        wordings = Wordings(project)
        policy = project.definition.policy
        replacing = self._anonymiser(project, wordings.schema)
        keeping = policy.privacy.reidentification == "sealed"
        passed = []
        for position, (sent, trace) in enumerate(zip(wishes, traces, strict=True)):
            try:
                wish = _named(sent) if sent.annotators else sent
                media_type = checked(wish)
                content = plain = canonical_content(wish.content)
                shown, originals = wish.content, Originals()
                if replacing is not None:
                    shown = replacing.content(shown, replaced, originals if keeping else None)
                    content = canonical_content(shown)
                length = len(shown) if isinstance(shown, str) else None
                gold = model = None
                if wish.gold is not None or wish.suggestion is not None:
                    gold, model = _labels(wordings, wish, length)
                    if replacing is not None:
                        gold, model = _replaced(wordings.schema, gold, model, replacing, replaced)
            except UnitRefused as refusal:
                refused[position] = refusal if replacing is None else _without(refusal, wordings, sent, replacing)
                continue
            kept = msgspec.json.encode(originals) if originals else b""
            passed.append(_Passed(position, wish, media_type, plain, content, length, gold, model, kept, trace))
        return self._candidates(project.project_id, policy, passed)

    def _candidates(self, project_id: str, policy: Policy, passed: Sequence["_Passed"]) -> list[Candidate]:
        """Return what passed as it goes on: named, and told from all else by what it says."""
        unit_ids = self.repository.unit_ids(project_id, [each.wish.id for each in passed])
        fingerprints = self.repository.fingerprints(project_id, [each.plain for each in passed])
        candidates = []
        for each, unit_id, fingerprint in zip(passed, unit_ids, fingerprints, strict=True):
            gold, model, suggested = each.gold, each.model, None
            unit = self._unit(project_id, unit_id, fingerprint, each)
            if model is not None:
                unit, suggested = self._shown(unit, *model, each.wish.uncertainty, policy)
            claim = Claim(unit, None if gold is None else gold.today, each.length, suggested)
            closed = gold.closed if gold is not None else None
            closed = closed or (model[0].closed if model is not None else None)
            candidates.append(Candidate(each.position, claim, each.content, each.trace, each.originals, closed))
        return candidates

    def _anonymiser(self, project: ProjectState, schema: LabelSchema) -> Anonymiser | None:
        """Return what replaces personal data in this project's contents, made once for each of its definitions."""
        known = self._anonymisers.get(project.project_id)
        if known is None or known[0] is not project:
            key = self.repository.privacy_key(project.project_id)
            known = project, anonymiser(project.definition.policy, schema, key, self._beside)
            if len(self._anonymisers) >= PROJECTS_REMEMBERED_MAX:
                self._anonymisers.clear()
            self._anonymisers[project.project_id] = known
        return known[1]

    def _shown(
        self, unit: UnitState, label: Worded, suggestion: Suggestion, uncertainty: float | None, policy: Policy
    ) -> tuple[UnitState, Suggested]:
        """Return a unit with what its suggestion says of it, and the suggestion, hidden or not."""
        encoded_suggestion = encoded([label.given.decode(), suggestion.model, suggestion.confidence])
        mark = self.repository.gold_mark(unit.project_id, encoded_suggestion)
        if uncertainty is None and suggestion.confidence is not None:
            uncertainty = 1.0 - suggestion.confidence
        unit = msgspec.structs.replace(unit, suggestion_mark=mark, uncertainty=uncertainty)
        return unit, Suggested(label.today, suggestion.model, suggestion.confidence, hidden(unit.unit_id, policy))

    def _unit(self, project_id: str, unit_id: str, fingerprint: str, passed: "_Passed") -> UnitState:
        wish, gold = passed.wish, passed.gold
        return UnitState(
            unit_id,
            project_id,
            wish.id,
            passed.media_type,
            fingerprint,
            gold_mark="" if gold is None else self.repository.gold_mark(project_id, gold.given),
            priority=wish.priority,
            skills=tuple(sorted(wish.skills)) if wish.skills else (),
            annotators=wish.annotators,
            uncertainty=wish.uncertainty,
            stratum=wish.stratum,
            subject_mark=self.repository.subject_mark(project_id, wish.subject) if wish.subject else "",
        )


class _Passed(NamedTuple):
    """A unit that passed its checks.

    Attributes:
        plain: its content, canonical, as it was sent; it is compared by that.
        content: as it is kept.
        length: of what is shown, where it is a text.
        originals: see `Candidate`.
    """

    position: int
    wish: UnitWish
    media_type: str
    plain: bytes
    content: bytes
    length: int | None
    gold: Worded | None
    model: "Model | None"
    originals: bytes
    trace: Headers


def _named(wish: UnitWish) -> UnitWish:
    """Return the wish with its annotators' names as they are kept."""
    names = []
    for place, sent in enumerate(wish.annotators):
        try:
            names.append(name_from(sent))
        except NameRefused as refused:
            raise UnitRefused(f"annotators[{place}]", refused.problem, refused.cure) from refused
    return msgspec.structs.replace(wish, annotators=tuple(names)) if names else wish


Model = tuple[Worded, Suggestion]


def _labels(wordings: Wordings, wish: UnitWish, text_characters: int | None) -> tuple[Worded | None, Model | None]:
    """Return the known label of a unit, and what a model says of it."""
    gold = None if wish.gold is None else wordings.read("gold", wish.gold, text_characters)
    if wish.suggestion is None:
        return gold, None
    return gold, (wordings.read("suggestion.label", wish.suggestion.label, text_characters), wish.suggestion)


def _replaced(
    schema: LabelSchema, gold: Worded | None, model: Model | None, replacing: Anonymiser, found: Counter[str]
) -> tuple[Worded | None, Model | None]:
    """Return labels as they go on: they travel in the clear. What was sent is what a unit is compared by."""
    if gold is not None:
        gold = _label_replaced("gold", gold, schema, replacing, found)
    if model is not None:
        model = _label_replaced("suggestion.label", model[0], schema, replacing, found), model[1]
    return gold, model


def _label_replaced(
    field: str, label: Worded, schema: LabelSchema, replacing: Anonymiser, found: Counter[str]
) -> Worded:
    if label.closed is not None:
        return label
    try:
        return label._replace(today=label_replaced(label.today, schema, replacing, found))
    except LabelFault as fault:
        problem = f"cannot be taken with its personal data replaced: {fault.problem}"
        raise UnitRefused(field, problem, "send it without, or let its kind have longer texts") from fault


def _without(refusal: UnitRefused, wordings: Wordings, sent: UnitWish, replacing: Anonymiser) -> UnitRefused:
    """Return a refusal as it may be told and logged where personal data is replaced: what it shows is replaced, too.

    What is refused is checked again with all of it replaced. Cut short, as a refusal shows it, nothing would be found.
    """
    unseen = Counter[str]()
    try:
        wish = _named(_wish_replaced(sent, replacing, unseen))
        checked(wish)
        canonical_content(wish.content)
        _labels(wordings, wish, len(wish.content) if isinstance(wish.content, str) else None)
    except UnitRefused as replaced:
        # Numbers that are no content stay as they are, and may be a card's.
        if replaced.field == refusal.field and replacing.text(replaced.problem, unseen) == replaced.problem:
            return replaced
    return UnitRefused(refusal.field, "cannot be taken as it was sent", refusal.cure)


def _wish_replaced(wish: UnitWish, replacing: Anonymiser, found: Counter[str]) -> UnitWish:
    """Return a wish with every text in it replaced, for its refusal."""
    suggestion = wish.suggestion
    if suggestion is not None:
        label, model = replacing.content(suggestion.label, found), replacing.text(suggestion.model, found)
        suggestion = msgspec.structs.replace(suggestion, label=label, model=model)
    return msgspec.structs.replace(
        wish,
        id=replacing.text(wish.id, found),
        content=replacing.content(wish.content, found),
        media_type=replacing.text(wish.media_type, found),
        skills=tuple([replacing.text(skill, found) for skill in wish.skills]),
        annotators=tuple([replacing.text(name, found) for name in wish.annotators]),
        gold=replacing.content(wish.gold, found),
        suggestion=suggestion,
        stratum=replacing.text(wish.stratum, found),
        subject=replacing.text(wish.subject, found),
    )
