"""Outputs of clients' models: what a version of a model says of a unit, and what a person found where it is another.

An output is said once: the same version says the same of a unit for ever. What a model says after it was trained anew
is that of another version.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MODELS_MAX = 100
"""Versions of models that a project holds outputs of."""
OUTPUTS_MAX = 20_000
"""Units of which one version's outputs are held; a score reads them all."""

Finding = Literal["model_error", "label_error", "both_wrong", "ambiguous"]
FINDINGS: tuple[Finding, ...] = ("model_error", "label_error", "both_wrong", "ambiguous")
LABEL_WRONG: tuple[Finding, ...] = ("label_error", "both_wrong")
Side = Literal["first", "second", "neither", "ambiguous"]
"""What a person says who does not know which side is whose: which of the two is right, if one is."""


Json = Any
"""A label as JSON; checked against the project's schema, not here."""
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
ModelName = Annotated[str, Meta(min_length=1, max_length=512, examples=["intents-small"])]
"""Of a model or a version: what a name may be is checked beside."""
CLASSES_MAX = 1_000
"""Of which one output may have probabilities."""


class OutputWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version of a model says of a unit, as it is posted.

    Attributes:
        event_id: the client's own name of the unit, whether it has come in or not; or `unit_id`, ours.
        label: of the project's schema.
        confidence: how sure the model is of it; without it, its class's probability.
        probabilities: of all classes, by name.
    """

    model: ModelName
    model_version: ModelName
    label: Json
    event_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    unit_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    confidence: Share | None = None
    probabilities: Annotated[dict[str, Share], Meta(max_length=CLASSES_MAX)] = {}


class ModelDoesNotExist(LookupError):
    """The project has no such version of a model."""


class TooManyModels(ValueError):
    """The project holds outputs of as many versions as it may."""

    field = "model_version"
    cure = "post outputs of versions that are there, or use another project"


class PostedOtherwise(ValueError):
    """This version said something else of the unit before."""

    field = "label"
    cure = "give what a model says now a version of its own"


class DisagreementDoesNotExist(LookupError):
    """No such disagreement waits for this reviewer: none, decided, or of a unit that they had a part in."""

    field = "unit_id"
    cure = "take one from the list"


class JudgedBefore(ValueError):
    """The disagreement was judged before."""

    field = "unit_id"
    cure = "take another from the list"


class Model(msgspec.Struct, frozen=True):
    """One version of one model."""

    model_id: str
    name: str
    version: str
    first_at_us: int


class ModelsState(msgspec.Struct, frozen=True):
    """The versions of models that a project holds outputs of, in the order in which they came."""

    project_id: str
    models: tuple[Model, ...] = ()

    def model(self, model_id: str) -> Model:
        """Return one of them.

        Raises:
            ModelDoesNotExist: see there.
        """
        for model in self.models:
            if model.model_id == model_id:
                return model
        raise ModelDoesNotExist(f"There is no model {model_id}.")

    def before(self, model_id: str) -> Model | None:
        """Return the version that came before one of them; after it, where it was the first."""
        places = [place for place, model in enumerate(self.models) if model.model_id == model_id]
        others = [*reversed(self.models[: places[0]]), *self.models[places[0] + 1 :]] if places else []
        return others[0] if others else None

    def registered(self, model: Model) -> "ModelsState | None":
        """Return the state with one more; None where it is there.

        Raises:
            TooManyModels: see there.
        """
        if any(entry.model_id == model.model_id for entry in self.models):
            return None
        if len(self.models) >= MODELS_MAX:
            raise TooManyModels(f"would be one more version than the {MODELS_MAX} that a project holds")
        return ModelsState(self.project_id, (*self.models, model))


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What a person found where a model and the accepted label say different things.

    Attributes:
        said: in the reviewer's own words, who did not know which side was whose.
    """

    finding: Finding
    said: Side
    reviewer_id: str
    reason: str
    at_us: int


class Output(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one version of a model says of one unit.

    Attributes:
        unit_id: of the unit, or that which it will have once it comes in.
        event_id: the client's own name of it; empty where the client named it by ours.
        label: canonical JSON text.
        confidence: how sure the model is of it, from 0 to 1; None where it does not say.
        probabilities: by class, where it says.
    """

    project_id: str
    model_id: str
    unit_id: str
    event_id: str
    label: str
    at_us: int
    confidence: float | None = None
    probabilities: dict[str, float] = {}
    judgement: Judgement | None = None


def posted(state: Output | None, output: Output) -> Output | None:
    """Return the output once it is posted; None where it was before.

    Raises:
        PostedOtherwise: the version said something else.
    """
    if state is None:
        return output
    content = (state.label, state.confidence, state.probabilities)
    if content != (output.label, output.confidence, output.probabilities):
        raise PostedOtherwise("was posted before, with another label, confidence or probabilities")
    return None


def judged(state: Output | None, judgement: Judgement) -> Output | None:
    """Return the output once its disagreement is judged; None where this reviewer said so before.

    Raises:
        DisagreementDoesNotExist, JudgedBefore: see there.
    """
    if state is None:
        raise DisagreementDoesNotExist("There is no such disagreement to judge.")
    before = state.judgement
    if before is None:
        return msgspec.structs.replace(state, judgement=judgement)
    if (before.reviewer_id, before.said) != (judgement.reviewer_id, judgement.said):
        raise JudgedBefore("The disagreement was judged before.")
    return None


def finding_of(side: Side, model_first: bool) -> Finding:
    """Return what follows from a reviewer's word on two sides.

    >>> finding_of("first", model_first=True), finding_of("second", model_first=True)
    ('label_error', 'model_error')
    """
    if side == "ambiguous":
        return "ambiguous"
    if side == "neither":
        return "both_wrong"
    return "label_error" if (side == "first") == model_first else "model_error"


def counted(findings: list[Finding]) -> dict[str, int]:
    """Return how often each was found, those never found among them."""
    return {finding: findings.count(finding) for finding in FINDINGS}
