"""What every label kind offers, what it refuses, and the bounds that hold for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

AlphaMetric = Literal["nominal", "ordinal", "interval"]

CLASSES_MAX = 1_000
CLASS_CHARACTERS_MAX = 200
DEPTH_MAX = 16
LABEL_BYTES_MAX = 200_000
"""Bytes of one label's canonical JSON, and of a schema's; the budgets of events, records and documents rest on it."""

WEIGHT_MAX = 1e9


class _Fault(ValueError):
    """A value that is refused: where it stands, what is wrong with it, and what to send instead."""

    def __init__(self, path: str, problem: str, cure: str) -> None:
        super().__init__(path, problem, cure)
        self.path = path
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; {self.cure}"

    def beneath(self, path: str) -> Self:
        """Return the same fault as seen from further up, where `path` leads to what it was found in.

        >>> str(LabelFault("$.end", "9 is past the text", "send at most 8").beneath("$.answers.name"))
        '$.answers.name.end: 9 is past the text; send at most 8'
        """
        return type(self)(f"{path}{self.path.removeprefix('$')}", self.problem, self.cure)


class SchemaFault(_Fault):
    """A project's label schema is wrong.

    Attributes:
        path: where in the schema, from its root, as `$.classes[2]`.
        problem: what is wrong, as a clause.
        cure: what to write instead, as a clause.
    """


class LabelFault(_Fault):
    """A label does not fit its schema.

    The problem may quote the first characters of the label: answer the annotator with it, but log the path only.

    Attributes:
        path: where in the label, from its root, as `$.spans[2].end`.
        problem: what is wrong, as a clause.
        cure: what to send instead, as a clause.
    """


@dataclass(frozen=True, slots=True)
class Vote:
    """One annotator's canonical label and how much it counts.

    Attributes:
        label: a label as `LabelSchema.canonical` returned it.
        weight: what the label counts for, over 0 and at most WEIGHT_MAX; 1 for every annotator alike.
    """

    label: Json
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a weight that no sum can carry; a label that should not count is left out instead."""
        if not 0 < self.weight <= WEIGHT_MAX:
            raise ValueError(f"a vote weighs over 0 and at most {WEIGHT_MAX:g}, not {self.weight}")


@dataclass(frozen=True, slots=True)
class Merged:
    """What the labels of one unit come to.

    Attributes:
        label: the canonical merged label; None when the unit must be escalated.
        support: share of the weight behind the label, from 0 to 1; each kind says how it is counted.
        reason: how the label was found, or why there is none, as a clause for people to read.
        parts: for labels made of several parts (tags, spans, boxes, polygons, the answers of a form), the support
            of each part in the label's order; empty otherwise.
    """

    label: Json
    support: float
    reason: str
    parts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Hold the invariant that a share is a share."""
        if not 0.0 <= self.support <= 1.0:
            raise ValueError(f"support is a share from 0 to 1, not {self.support}")


class LabelSchema(Protocol):
    """What an annotator of one project can say. Every kind implements it as one frozen dataclass.

    `canonical` is the door: it takes anything that JSON can hold. The other methods take canonical labels
    only and may fail in any way on others.
    """

    kind: ClassVar[str]
    alpha_metric: ClassVar[AlphaMetric | None]
    """The named metric of Krippendorff's alpha for this kind; None where `distance` is to be used.

    The values under the metric are `index(label)` of a ClassedSchema, and the label itself of a number.
    """

    def canonical(self, value: Json) -> Json:
        """Return the one canonical form of a label; raise LabelFault where it does not fit the schema.

        Labels that say the same have the same canonical form, and a canonical form is its own.
        """
        ...

    def distance(self, entry: Json, other: Json) -> float:
        """Return how far two canonical labels are apart, from 0 (the same) to 1; symmetric.

        It enters alpha as the metric difference itself, without squaring.
        """
        ...

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether two canonical labels say the same, within the tolerance that the schema declares.

        By this an inspection calls a label right or wrong, and gold an answer. It is reflexive and symmetric,
        and where a tolerance is declared not transitive. Equal labels are never told apart.

        | kind | the same, when |
        |---|---|
        | choice, choices | the class, or the set of classes, is the same |
        | rating | at most `tolerance` points lie between them; 0, the very rating, if not declared |
        | number | they differ by at most `tolerance`, in the label's unit; a twentieth of the range if not declared |
        | preference | it is the same side, and the strengths differ by at most `tolerance`; 0 if not declared |
        | ranking | at most `tolerance` of the pairs stand the other way round; none if not declared |
        | spans, boxes, polygons | each region has one counterpart of its class, of an intersection over union of \
        1 - `tolerance` at least; spans are held to their very ends if not declared, boxes and polygons to `iou_min` |
        | text | without regard to blanks, at most `tolerance` of the characters are edited; none if not declared |
        | taxonomy | it is the same node, or they are at most `tolerance` apart by path; the very node if not declared |
        | form | the same fields are answered, and each answer says the same by its own kind |
        """
        ...

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return what canonical labels of different annotators come to, whatever their order."""
        ...

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON, every default written out; `schema_from` gives the schema back."""
        ...


@runtime_checkable
class ClassedSchema(Protocol):
    """A schema with finitely many labels (choice, rating, preference, taxonomy), as posterior consensus needs it.

    `classes[index(label)] == label` for every canonical label.
    """

    @property
    def classes(self) -> Sequence[Json]:
        """All canonical labels, in the schema's order."""
        ...

    def index(self, label: Json) -> int:
        """Return the place of a canonical label among the classes, from 0."""
        ...


NOTHING_TO_MERGE = Merged(None, 0.0, "there are no labels to merge")
