"""Models' outputs held against what was accepted: scores, disagreements in order, and which units to label next."""

import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from concord.labels import ClassedSchema, Json, LabelFault, LabelSchema, decoded, encoded
from concord.labels.form import Form
from concord.quality.drift import Drift, chi_square_drift, pooled_rare, population_stability_index
from concord.quality.intervals import newcombe_difference
from concord.quality.model_score import Held
from concord.quality.whole import least_whole
from services.audit.domain.fields import compared_by_field
from services.audit.domain.lot import LotState
from services.audit.domain.output import Output
from services.audit.domain.unit import UnitState

PROBABILITIES_OFF_MAX = 0.01
"""How far from 1 the classes' probabilities may sum up to."""
UNSTATED = 0.5
"""How sure a model is taken to be that does not say, where outputs are put in an order."""
RANK_STEPS = 1_000_000
DRIFT_P_MAX, DRIFT_INDEX_MIN = 0.01, 0.1
"""What a model says has moved where chance does not explain it and it is more than what is called stable."""

Unscored = Literal["not_admitted", "not_accepted", "erased", "unanswerable", "of_another_schema"]
UNSCORED: tuple[Unscored, ...] = ("not_admitted", "not_accepted", "erased", "unanswerable", "of_another_schema")
"""Why an output is not held against a label. A label that is not accepted yet is not told, whatever it is."""
Reason = Literal["random", "disagreeing", "drifted", "uncertain"]


class Compared(NamedTuple):
    """An output and the accepted label of its unit.

    Attributes:
        accepted: canonical JSON text.
        certain: how sure the label is: 1 for one that a person ruled or an auditor gave.
        right: whether both say the same.
        fields: of labels with several fields, whether each says the same.
    """

    output: Output
    unit_id: str
    lot_id: str
    accepted: str
    certain: float
    right: bool
    fields: tuple[tuple[str, bool], ...]

    @property
    def rank(self) -> int:
        """How much is to be learnt of a disagreement: most where the model is sure, and so is the label."""
        sure = UNSTATED if self.output.confidence is None else self.output.confidence
        return round(RANK_STEPS * sure * self.certain)


def probabilities_fault(schema: LabelSchema, probabilities: Mapping[str, float]) -> tuple[str, str] | None:
    """Return what is wrong with the probabilities of classes, and the cure; None where nothing is.

    >>> from concord.labels import schema_from
    >>> yes_no = schema_from({"kind": "choice", "classes": ["yes", "no"]})
    >>> probabilities_fault(yes_no, {"yes": 0.7, "no": 0.2})
    ('sum up to 0.9', 'send one for each class, 1 in all; leave them out where they are not known')
    """
    if not isinstance(schema, ClassedSchema):
        return f"go with classes, and labels of this project are of kind {schema.kind}", "leave them out"
    names = [class_name(label) for label in schema.classes]
    if unknown := sorted(set(probabilities) - set(names)):
        return f"name {unknown[0]!r}, which is no class of this project", "name the classes as its label schema does"
    total = math.fsum(probabilities.values())
    if abs(total - 1.0) > PROBABILITIES_OFF_MAX:
        cure = "send one for each class, 1 in all; leave them out where they are not known"
        return f"sum up to {total:g}", cure
    return None


def class_name(label: Json) -> str:
    """Return what a class is called among probabilities: its name, or the JSON of what it is.

    >>> class_name("yes"), class_name(4)
    ('yes', '4')
    """
    return label if isinstance(label, str) else encoded(label).decode()


def as_read(output: Output, text: Callable[[str], str]) -> Output:
    """Return what a model says as it reads now: its label, and what it says of classes, those that became one added up.

    >>> def text(label):
    ...     return label.replace("bug", "defect")
    >>> said = Output("k1-p", "m", "k1-u", "", '"bug"', 1, probabilities={"bug": 0.7, "idea": 0.3})
    >>> read = as_read(said, text)
    >>> read.label, read.probabilities
    ('"defect"', {'defect': 0.7, 'idea': 0.3})
    """
    probabilities: dict[str, float] = {}
    for name, share in output.probabilities.items():
        now = class_name(decoded(text(encoded(name).decode()).encode()))
        probabilities[now] = probabilities.get(now, 0.0) + share
    return msgspec.structs.replace(output, label=text(output.label), probabilities=probabilities)


def compared(
    output: Output,
    unit: UnitState | None,
    lot: LotState | None,
    corrected: bool,
    schema: LabelSchema,
    text: Callable[[str], str] = str,
) -> Compared | Unscored:
    """Hold an output against the label that its unit left with; only what was accepted is looked at.

    Args:
        output: what the model says.
        unit: that which it is of, or the one of the same content that stands for it; None: it has not come in.
        lot: of the unit; None for none yet.
        corrected: whether it leaves with the auditor's label.
        schema: the project's, as it is now.
        text: reads labels of earlier versions of it.
    """
    if unit is None or not unit.admitted:
        return "not_admitted"
    if unit.withdrawn:
        return "erased"
    if lot is None or lot.status != "accepted":
        return "not_accepted"
    if unit.unanswerable:
        return "unanswerable"
    settled = text(unit.inspection.label if corrected and unit.inspection is not None else unit.label)
    output = as_read(output, text)
    own, accepted = decoded(output.label.encode()), decoded(settled.encode())
    try:
        fits = schema.canonical(own) == own and schema.canonical(accepted) == accepted
    except LabelFault:
        fits = False
    if not fits:
        return "of_another_schema"
    form = schema if isinstance(schema, Form) else None
    certain = 1.0 if corrected or unit.method == "adjudicated" else unit.confidence
    return Compared(
        output, unit.unit_id, lot.lot_id, settled, certain, schema.says_same(accepted, own),
        compared_by_field(form, accepted, own),
    )  # fmt: skip


def held(compared: Compared, schema: LabelSchema) -> Held:
    """Return a comparison as statistics take it."""
    own, accepted = decoded(compared.output.label.encode()), decoded(compared.accepted.encode())
    if not isinstance(schema, ClassedSchema):
        return Held(None, None, compared.right, compared.output.confidence)
    brier = None
    if compared.output.probabilities:
        probabilities = compared.output.probabilities
        brier = math.fsum(
            (probabilities.get(class_name(each), 0.0) - (each == accepted)) ** 2 for each in schema.classes
        )
    return Held(schema.index(own), schema.index(accepted), compared.right, compared.output.confidence, brier)


def model_first(secret: bytes, output: Output) -> bool:
    """Return whether a reviewer is shown the model's side first: as good as by chance, and always the same."""
    return _digest(secret, "sides", output)[0] < 128


class Waiting(NamedTuple):
    """An output of a unit that has not come in.

    Attributes:
        otherwise: whether another version of a model says something else of it.
    """

    output: Output
    otherwise: bool

    @property
    def uncertain(self) -> float:
        """How unsure the model is."""
        return 1.0 - (UNSTATED if self.output.confidence is None else self.output.confidence)


class Chosen(NamedTuple):
    """A unit to be labelled next, and why."""

    output: Output
    uncertain: float
    reasons: tuple[Reason, ...]


class Moved(NamedTuple):
    """How what a model says of units that are to come compares with what it said of those that are accepted.

    Attributes:
        stability: population stability index; `test`: chi-square.
        classes: labels that it says more often now, by chance hardly; empty where nothing moved.
    """

    stability: Drift
    test: Drift
    classes: frozenset[str]


def moved(before: Sequence[str], now: Sequence[str], confidence: float = 0.95) -> Moved:
    """Return whether the labels that a model says have moved.

    Args:
        before: canonical labels of units that are accepted.
        now: of units that have not come in.
        confidence: of the intervals of each label's change.
    """
    first, then = Counter(before), Counter(now)
    labels = sorted({*first, *then})
    counts = pooled_rare([first[label] for label in labels] or [0], [then[label] for label in labels] or [0])
    stability, test = population_stability_index(*counts), chi_square_drift(*counts)
    if (
        test.p_value is None
        or test.p_value > DRIFT_P_MAX
        or stability.value is None
        or stability.value < DRIFT_INDEX_MIN
    ):
        return Moved(stability, test, frozenset())
    risen = set()
    for label in labels:
        change = newcombe_difference(then[label], len(now), first[label], len(before), confidence)
        if change.low is not None and change.low > 0:
            risen.add(label)
    return Moved(stability, test, frozenset(risen))


def chosen(
    waiting: Sequence[Waiting], risen: frozenset[str], size: int, random_share: float, secret: bytes
) -> list[Chosen]:
    """Return which units to label next, so many.

    First a share is drawn from all at random (by a keyed hash: the same again until they come in), so that something is
    learnt of what the model is sure of, and rates can be estimated without bias. The rest is filled in turns with those
    of which versions say different things, those of labels that have become more frequent, and those of which the model
    is least sure; in each turn the least sure first.

    Args:
        waiting: all that could be chosen.
        risen: canonical labels that have become more frequent.
        size: how many.
        random_share: of them, drawn at random.
        secret: keys the draw.

    Source: Settles, Active Learning, Morgan & Claypool 2012, chapters 2 and 3, for least confidence and committees.
    """
    by_chance = sorted(waiting, key=lambda unit: _digest(secret, "next", unit.output))
    drawn = by_chance[: least_whole(random_share * min(size, len(waiting)))]
    taken = {unit.output.unit_id: Chosen(unit.output, unit.uncertain, ("random",)) for unit in drawn}
    unsure = sorted(waiting, key=lambda unit: (-unit.uncertain, unit.output.unit_id))
    arms: dict[Reason, list[Waiting]] = {
        "disagreeing": [unit for unit in unsure if unit.otherwise],
        "drifted": [unit for unit in unsure if unit.output.label in risen],
        "uncertain": unsure,
    }
    for in_turn in _in_turns(arms.values()):
        if len(taken) >= size:
            break
        if in_turn.output.unit_id not in taken:
            taken[in_turn.output.unit_id] = Chosen(in_turn.output, in_turn.uncertain, _why(in_turn, risen))
    return list(taken.values())


def _why(unit: Waiting, risen: frozenset[str]) -> tuple[Reason, ...]:
    found: list[Reason] = ["disagreeing"] if unit.otherwise else []
    if unit.output.label in risen:
        found.append("drifted")
    return tuple(found or ["uncertain"])


def _in_turns(arms: Iterable[Sequence[Waiting]]) -> Iterable[Waiting]:
    places = [iter(arm) for arm in arms]
    while places:
        for arm in list(places):
            found = next(arm, None)
            if found is None:
                places.remove(arm)
            else:
                yield found


def _digest(secret: bytes, what: str, output: Output) -> bytes:
    text = f"{what}\x00{output.model_id}\x00{output.unit_id}"
    return hmac.new(secret, text.encode(), hashlib.sha256).digest()
