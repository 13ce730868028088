"""The demo without a stack: the services' own decisions over a crowd's labels, for one choice of gold after another.

Which units are gold moves every figure, and a stack takes half a minute a choice. What decides is pure in every
service, so the same functions are called here in the order in which the services call them; a test holds both to the
same figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import msgspec

from concord.labels import ClassedSchema, encoded, schema_from
from concord.quality.crowd import SparseAnswers
from concord.quality.resolved import Learnt, added, learnt_of
from concord.quality.stopping import Prices
from concord.quality.stopping_law import Bounds
from demo.dataset import Dataset
from demo.policy import definition, gold_items, in_turns
from services.adjudicate.domain import class_shares
from services.adjudicate.domain.class_shares import Fresh, resolved_units
from services.adjudicate.domain.consensus import Leading, Weights, leading
from services.adjudicate.domain.rule import Rule
from services.adjudicate.domain.unit import Admission, Annotation, UnitState, admitted, annotated
from services.audit.domain.sampling import inspection_order
from services.audit.domain.verdict import plan_for
from services.ingest.domain.project import Definition, Policy
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.crowd import CrowdFound, crowd_found
from services.metrics.domain.standing import competences, gold_answers
from services.metrics.domain.unit import Annotation as Answered
from services.metrics.repository import Rows

KEYS = (
    "consensus_accuracy",
    "resolved_accuracy",
    "labels_per_unit_without_gold",
    "escalated_share",
    "senior_decisions_per_unit",
    "confidence_gap",
)
LOWER_IS_WORSE = frozenset({"consensus_accuracy", "resolved_accuracy"})
PROJECT = "demo"
SECRET = b"any will do: which units are drawn is chance"


@dataclass(frozen=True)
class Replayed:
    """What came of the units that are not gold.

    Attributes:
        units: where adjudicate leaves each item before any ruling.
        crowd: what its gold says of the crowd.
        inspected: units that auditors looked at, over all lots.
    """

    units: Mapping[str, UnitState]
    crowd: CrowdFound
    inspected: int


def replay(dataset: Dataset, seed: int, prices: Sequence[float] = ()) -> Replayed:
    """Return what the services come to with the gold that this seed draws; see `definition` for prices."""
    wished = definition(dataset.classes, prices)
    policy = msgspec.convert(wished, Definition).policy
    schema = schema_from(wished["label_schema"])
    assert isinstance(schema, ClassedSchema), "the demo's labels are classes"
    gold = gold_items(list(dataset.items), seed)
    counted = _measured(dataset, gold)
    sums = counted.sums_of(PROJECT)
    classes = classes_of(schema)
    crowd = crowd_found(sums, classes, policy.gold.pass_accuracy)
    accuracy = {
        competence.annotator_id: competence.expected_accuracy or 0.0
        for competence in competences(sums.standings, schema)
    }
    answers = {who: SparseAnswers.of_cells(gold_answers(standing, classes)) for who, standing in sums.standings.items()}
    rule = _rule(policy)
    known = Known(answers, len(classes), policy, crowd)
    hidden = set(gold)
    units: dict[str, UnitState] = {}
    for items in in_turns([item for item in dataset.items if item not in hidden]):
        weigh = partial(_weighed, schema, policy, known.weights(), dict(crowd.gold_units))
        units |= {item: _labelled(dataset, item, accuracy, rule, weigh) for item in items}
        if len(items) == class_shares.TALLY_UNITS:
            known.learn(schema, [_resolved(dataset, item, units[item]) for item in items])
    return Replayed(units, crowd, _inspected(dataset, units, policy))


@dataclass
class Known:
    """What is known of the annotators by and by: gold first, then what every full turn of units tells."""

    answers: Mapping[str, SparseAnswers]
    classes: int
    policy: Policy
    crowd: CrowdFound
    parts: list[Sequence[Learnt]] = field(default_factory=list)

    def weights(self) -> Weights:
        """Return it as adjudicate weighs by it."""
        gold, dependence = dict(self.crowd.gold_units), self.crowd.dependence.rho
        assumed = self.policy.gold.pass_accuracy
        return Weights(self.answers, self.classes, assumed, dependence, gold, added(self.parts))

    def learn(self, classed: ClassedSchema, units: Sequence[Fresh]) -> None:
        """Learn from resolved units, as far as the policy lets adjudicate do so."""
        if self.policy.consensus.learn != "gold":
            seen = dict(self.crowd.gold_units)
            self.parts.append(learnt_of(resolved_units(classed, units), self.weights().crowd, seen))


def _rule(policy: Policy) -> Rule:
    """Return when a unit is settled, as adjudicate reads it of what ingest tells."""
    entry, overlap = policy.consensus.prices, policy.overlap
    if entry is None:
        return Rule(overlap.initial, overlap.max, policy.consensus.settled_at)
    prices = Prices(entry.label, entry.decision, entry.error)
    return Rule(overlap.initial, overlap.max, prices.settled_at, prices)


def _weighed(
    schema: Any, policy: Policy, weights: Weights, seen: Mapping[int, int], annotations: Sequence[Annotation]
) -> Leading:
    labels = [(annotation.annotator_id, msgspec.json.decode(annotation.label)) for annotation in annotations]
    priced = policy.consensus.prices is not None
    return leading(schema, schema, labels, policy.consensus.method, weights, seen, priced=priced)


def _resolved(dataset: Dataset, item: str, unit: UnitState) -> Fresh:
    """Return a unit once it is resolved, an escalated one by an adjudicator."""
    ruled = unit.status != "consensus"
    label = encoded(dataset.gold[item]).decode() if ruled else unit.label
    return Fresh(0, label, unit.counted(), ruled)


def _measured(dataset: Dataset, gold: Sequence[str]) -> Rows:
    """Return metrics' rows of the gold units, everybody's answers in."""
    counted = Rows()
    for item in gold:
        unit = counted.unit(item, PROJECT, 0)
        assert unit is not None
        unit.gold = encoded(dataset.gold[item]).decode()
        counted.gold_known(item, unit, "", 1, anew=True)
        for answer in dataset.answers[item]:
            annotation = Answered(answer.annotator, encoded(answer.label).decode())
            unit.annotations[f"{item}.{answer.annotator}"] = annotation
            counted.worked(unit, annotation, None)
    return counted


def _labelled(
    dataset: Dataset,
    item: str,
    accuracy: Mapping[str, float],
    rule: Rule,
    weigh: Callable[[Sequence[Annotation]], Leading],
) -> UnitState:
    """Return the unit after as many of its people were asked, the most competent first, as adjudicate asks for."""
    answers = sorted(dataset.answers[item], key=lambda entry: -accuracy.get(entry.annotator, 0.0))
    state = admitted(None, Admission(item, PROJECT, gold=False, named=len(answers)), rule, weigh).state
    for number, answer in enumerate(answers):
        if state.status != "open":
            break
        label = Annotation(f"{item}.{number}", answer.annotator, encoded(answer.label).decode(), 1)
        judged = annotated(state, item, PROJECT, label, rule, weigh)
        assert judged is not None, "an open unit takes a label in"
        state = judged.state
    return state


def _inspected(dataset: Dataset, units: Mapping[str, UnitState], policy: Any) -> int:
    """Return how many units auditors look at: each lot by its plan, a rejected one whole."""
    audit, inspected, items = policy.audit, 0, list(units)
    for number, start in enumerate(range(0, len(items), policy.lot.size)):
        lot = items[start : start + policy.lot.size]
        bounds = _bounds(audit.plan, audit.fraction, audit.aql, audit.ltpd, audit.alpha, audit.beta, len(lot))
        order = [lot[place] for place in inspection_order(SECRET, f"lot{number}", 0, lot)]
        inspected += _looked_at(bounds, [_resolved_right(dataset, item, units[item]) for item in order])
    return inspected


def _looked_at(bounds: Bounds, right: Sequence[bool]) -> int:
    """Return how many units of a lot are inspected, whose labels are right or not in the order of its sample."""
    errors = 0
    for count, flag in enumerate(right, start=1):
        errors += not flag
        verdict = bounds.decide(count, errors)
        if verdict != "continue":
            return len(right) if verdict == "reject" else count
    return len(right)


@lru_cache
def _bounds(kind: Any, fraction: float, aql: float, ltpd: float, alpha: float, beta: float, units: int) -> Bounds:
    return plan_for(kind, fraction, aql, ltpd, alpha, beta, units).bounds()


def _resolved_right(dataset: Dataset, item: str, unit: UnitState) -> bool:
    """Tell whether what is resolved is right: an adjudicator, who is the gold here, always is."""
    return unit.status != "consensus" or leads(dataset, item, unit)


def leads(dataset: Dataset, item: str, unit: UnitState) -> bool:
    """Tell whether the unit's leading label is the right one; of a tie none leads."""
    return unit.leading_label == encoded(dataset.gold[item]).decode()


def figures_of(dataset: Dataset, found: Replayed) -> dict[str, float]:
    """Return the figures of one choice of gold, by KEYS."""
    units = found.units
    settled = {item: unit for item, unit in units.items() if unit.status == "consensus"}
    right = sum(leads(dataset, item, unit) for item, unit in settled.items())
    stated = sum(unit.confidence for unit in settled.values())
    escalated = len(units) - len(settled)
    return {
        "consensus_accuracy": sum(leads(dataset, item, unit) for item, unit in units.items()) / len(units),
        "resolved_accuracy": (escalated + right) / len(units),
        "labels_per_unit_without_gold": sum(len(unit.counted()) for unit in units.values()) / len(units),
        "escalated_share": escalated / len(units),
        "senior_decisions_per_unit": (escalated + found.inspected) / len(units),
        "confidence_gap": (stated - right) / len(settled) if settled else 0.0,
    }


def over_seeds(dataset: Dataset, seeds: int, prices: Sequence[float] = ()) -> dict[str, dict[str, float]]:
    """Return mean and worst of each figure over the seeds 1 to `seeds`; worst is that farthest from what one wants."""
    found = [figures_of(dataset, replay(dataset, seed, prices)) for seed in range(1, seeds + 1)]
    return {key: _mean_and_worst(key, [entry[key] for entry in found]) for key in KEYS}


def _mean_and_worst(key: str, values: Sequence[float]) -> dict[str, float]:
    if key in LOWER_IS_WORSE:
        worst = min(values)
    elif key == "confidence_gap":
        worst = max(values, key=abs)
    else:
        worst = max(values)
    return {"mean": sum(values) / len(values), "worst": worst}
