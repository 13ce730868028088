"""Models that annotate, held against people."""

from msgspec import Struct

from concord.client.asking import got, path_of
from concord.client.models import Estimate, Json
from concord.client.steps import Flow


class ModelInClass(Struct, frozen=True):
    """Of the units that the first person gave a class, the share that the model gave it; and the other way round."""

    label: Json
    of_people: Estimate
    of_model: Estimate


class ModelInField(Struct, frozen=True):
    """A model in the labels, or in one field of them.

    Attributes:
        agreement, kappa: with the person who labelled each unit first.
        resolved: with what units were settled with in which it had no part.
        people_agreement: of people with one another.
    """

    field: str
    agreement: Estimate
    kappa: Estimate | None
    resolved: Estimate
    people_agreement: Estimate
    classes: list[ModelInClass]


class Labelling(Struct, frozen=True):
    """How well and how fast a model labels, or all people together: accuracy on gold, milliseconds a label."""

    annotators: int
    annotations: int
    gold: Estimate
    active_ms_median: int


class ModelBeside(Struct, frozen=True):
    """One model that annotates."""

    annotator_id: str
    labelling: Labelling
    fields: list[ModelInField]


class ModelsBesidePeople(Struct, frozen=True):
    """A project's models held against its people; `counted` and `humans_min` are its policy's."""

    project_id: str
    counted: str
    humans_min: int
    people: Labelling
    models: list[ModelBeside]
    computed_at: str


def models_beside_people(project_id: str) -> Flow[ModelsBesidePeople]:
    """Return how a project's models label beside its people: how right, how fast, and what they say class by class."""
    return got(ModelsBesidePeople, "metrics", path_of("/v1/projects/{id}/quality/models", id=project_id))
