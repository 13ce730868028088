"""Bodies of what is told of models beside people."""

import msgspec

from services.metrics.domain.models import ClassBeside, ModelBeside
from services.metrics.schemas.quality import Estimated
from services.metrics.schemas.surveyed import Said


class ModelInClass(msgspec.Struct, frozen=True):
    """One class.

    Attributes:
        of_people: of the units that the first person gave it, the share that the model gave it, too.
        of_model: of the units that the model gave it, the share that the first person gave it, too.
    """

    label: Said
    of_people: Estimated
    of_model: Estimated

    @classmethod
    def of(cls, found: ClassBeside) -> "ModelInClass":
        """Return the body."""
        return cls(msgspec.Raw(found.label.encode()), Estimated.of(found.of_people), Estimated.of(found.of_model))


class ModelInField(msgspec.Struct, frozen=True):
    """A model in the labels, or in one field of them; labels that are no single value are not compared.

    Attributes:
        field: which; empty: the whole label.
        agreement: share of the units on which it says what the person says who labelled the unit first.
        kappa: Cohen's of the same; absent where labels have no classes.
        resolved: share of the settled units in which it had no part of which it says what they were settled with.
        people_agreement: share of pairs of people's labels that say the same: what agreement is to be held against.
        classes: those that either gave, most frequent first, 200 at most.
    """

    field: str
    agreement: Estimated
    kappa: Estimated | None
    resolved: Estimated
    people_agreement: Estimated
    classes: list[ModelInClass]

    @classmethod
    def of(cls, found: ModelBeside, people: Estimated) -> "ModelInField":
        """Return the body."""
        kappa = None if found.kappa is None else Estimated.of(found.kappa)
        agreed, right = Estimated.of(found.agreement), Estimated.of(found.resolved)
        return cls(
            found.field, agreed, kappa, right, people, [ModelInClass.of(class_beside) for class_beside in found.classes]
        )


class Labelling(msgspec.Struct, frozen=True):
    """How well and how fast a model labels, or all people together.

    Attributes:
        annotators: how many they are.
        annotations: all, gold and late ones among them.
        gold: accuracy on hidden gold.
        active_ms_median: of a label, to three digits; zero where no time was told.
    """

    annotators: int
    annotations: int
    gold: Estimated
    active_ms_median: int


class ModelBody(msgspec.Struct, frozen=True):
    """One model that annotates."""

    annotator_id: str
    labelling: Labelling
    fields: list[ModelInField]


class ModelsBesidePeople(msgspec.Struct, frozen=True):
    """A project's models held against its people.

    Attributes:
        counted, humans_min: what models are to the project, as its policy says.
        computed_at: of what is counted by unit.
    """

    project_id: str
    counted: str
    humans_min: int
    people: Labelling
    models: list[ModelBody]
    computed_at: str
