"""A project: what is to be labelled, how, and what the contract promises."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from concord.labels.fields import FORM

CONFIDENCE_LOW, CONFIDENCE, CONFIDENCE_HIGH = 0.5, 0.95, 1.0
WRONG_LOW = 0.0001
PRICE_LOW, PRICE_HIGH = 0.000_001, 1_000_000.0
OVERLAP_MAX = 100
LOT_SIZE_MAX = 5_000
REJECTIONS_MAX = 10
SEED_CHARACTERS_MAX = 100
QUOTAS_MAX = 200
QUOTA_MAX = 10_000_000
STRATUM_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 200
GUIDELINE_BYTES_MAX = 400_000
"""In UTF-8. A definition is told whole in one event, its schema of at most 200,000 bytes among the rest."""
WITHOUT_EFFECT = (
    "policy.gold.qualify_units_max",
    "policy.deadline_seconds",
)
"""Fields that are kept and told, and that no service reads yet."""


class Fault(NamedTuple):
    """One thing wrong with a definition: where, what, and what to send instead."""

    field: str
    problem: str
    cure: str


class ProjectRefused(ValueError):
    """The definition cannot stand; every fault is named."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field} {fault.problem}" for fault in faults))
        self.errors = tuple(faults)


class ProjectDoesNotExist(LookupError):
    """There is no such project, or it is somebody else's, which looks the same."""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a client may say in part: what is left out has a default, what is not known is refused."""


class Overlap(Wish, frozen=True):
    """How many independent annotations a unit gets at first, and at most."""

    initial: int = 2
    max: int = 5


class Prices(Wish, frozen=True):
    """What things cost a project, in any unit: a label more, an adjudicator's ruling, a wrong label that is left."""

    label: float
    decision: float
    error: float


class Consensus(Wish, frozen=True):
    """When a unit is settled: at this posterior probability, or at this share of the labels.

    Attributes:
        wrong_at_most: the same from the other side: the greatest chance of being wrong at which a unit is settled.
        prices: what things cost; a unit is then given labels as long as they are worth it, and settled where an error
            that may be left costs no more than a ruling.
        learn: what is learnt from resolved units beside hidden gold. "gold": nothing, so that a unit's labels weigh the
            same whatever else came in before. "competence": how annotators err. "resolved": that, and the mix of
            classes. Gold must be a random draw of the units wherever it alone says what their mix is.
    """

    method: Literal["posterior", "majority"] = "posterior"
    confidence: float = CONFIDENCE
    wrong_at_most: float | None = None
    learn: Literal["gold", "competence", "resolved"] = "resolved"
    prices: Prices | None = None

    @property
    def settled_at(self) -> float:
        """Return the confidence at which a unit is settled, however it was said."""
        if self.prices is not None:
            return max(CONFIDENCE_LOW, 1.0 - self.prices.decision / self.prices.error)
        return self.confidence if self.wrong_at_most is None else 1.0 - self.wrong_at_most


class Gold(Wish, frozen=True):
    """The share of hidden gold in the work, and the qualification test's length and bar."""

    rate: float = 0.10
    qualify_units_max: int = 30
    pass_accuracy: float = 0.80


class Sampling(Wish, frozen=True):
    """Which of the units that are sent are annotated. Gold is no data, and always taken.

    Attributes:
        rate: share of the units.
        seed: the same seed draws the same units; another one draws others.
        quotas: how many of each stratum are taken, in the order in which they come; of one that is not named, all.
        uncertainty_min: units whose model is surer than that are left out; those that tell nothing of it are taken.
        uncertain_first: whether units of which a model is less sure go first, where they have no priority of their own.
    """

    rate: float = 1.0
    seed: str = ""
    quotas: dict[str, int] = {}
    uncertainty_min: float = 0.0
    uncertain_first: bool = False


class Suggestions(Wish, frozen=True):
    """Of what share of the units a model's suggestion is kept from annotators: without it, nobody sees what it does."""

    hidden_rate: float = 0.1


class Lot(Wish, frozen=True):
    """When a lot is cut: at this many units, or at this age."""

    size: int = 500
    seal_after_seconds: int = 3_600


class Audit(Wish, frozen=True):
    """How a lot is judged, at what risks, and what follows a rejection.

    Attributes:
        rejections_max: how often a lot may be sent back to be labelled anew; rejected once more, it is inspected whole.
    """

    plan: Literal["sequential", "single", "fraction"] = "sequential"
    fraction: float = 0.05
    aql: float = 0.01
    ltpd: float = 0.05
    alpha: float = 0.05
    beta: float = 0.10
    on_reject: Literal["relabel", "inspect_all"] = "relabel"
    rejections_max: int = 2


class Lease(Wish, frozen=True):
    """How long a unit is held; 0 seconds: by the annotators' active time."""

    seconds: int = 0
    renewals_max: int = 3


class Fatigue(Wish, frozen=True):
    """Whether people are asked for breaks, how rarely rested ones are, for how long, and the cap of a session."""

    breaks: bool = False
    false_alarm_units: int = 465
    break_seconds: int = 30
    session_minutes_max: int = 90


class Privacy(Wish, frozen=True):
    """What of people is replaced in a content before it is stored or shown.

    Attributes:
        treatments: by kind (`concord.privacy.KINDS`): mask, or pseudonym, which is the same for the same value.
        names: those of the kind `name`; kept as keyed hashes.
        regions: ISO 3166 codes, for telephones without a country's prefix.
    """

    treatments: dict[str, Literal["mask", "pseudonym"]] = {}
    names: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


class Policy(Wish, frozen=True):
    """How a project's units are labelled and judged.

    Attributes:
        dedupe: what is done with a content that is known under another id: the unit that came first stands for it
            (content), or it is a unit of its own (id).
    """

    overlap: Overlap = Overlap()
    consensus: Consensus = Consensus()
    gold: Gold = Gold()
    sampling: Sampling = Sampling()
    suggestions: Suggestions = Suggestions()
    privacy: Privacy = Privacy()
    lot: Lot = Lot()
    audit: Audit = Audit()
    lease: Lease = Lease()
    fatigue: Fatigue = Fatigue()
    priority: int = 0
    deadline_seconds: int = 0
    dedupe: Literal["content", "id"] = "content"


class Targets(Wish, frozen=True):
    """What the contract promises."""

    alpha: float = 0.80
    label_error_rate: float = 0.02
    audit_pass_rate: float = 0.95
    turnaround_p95_seconds: int = 86_400


class Definition(Wish, frozen=True):
    """What a client says of a project."""

    label_schema: dict[str, Any]
    name: str = ""
    guideline: str = ""
    policy: Policy = Policy()
    targets: Targets = Targets()


class ProjectState(msgspec.Struct, frozen=True):
    """A project as last defined; the guideline's version grows when its text changes."""

    project_id: str
    client_id: str
    revision: int
    guideline_version: int
    definition: Definition


def defined(state: ProjectState | None, client_id: str, project_id: str, definition: Definition) -> ProjectState | None:
    """Return the project as defined now; None when it says what was said before.

    Classes keep the order in which they were defined first: labels and matrices are read by it.

    Raises:
        ProjectRefused: a field is out of its range, or the label schema is another.
    """
    faults = definition_faults(definition)
    if state is not None:
        known = state.definition.label_schema
        if _in_no_order(known) == _in_no_order(definition.label_schema):
            definition = msgspec.structs.replace(definition, label_schema=known)
        else:
            cure = "define a new project: labels of two schemas are not weighed beside one another"
            faults.append(Fault("label_schema", "differs from the one that annotations were made under", cure))
    if faults:
        raise ProjectRefused(faults)
    if state is None:
        return ProjectState(project_id, client_id, 1, 1, definition)
    if state.definition == definition:
        return None
    changed = state.definition.guideline != definition.guideline
    version = state.guideline_version + changed
    return ProjectState(project_id, client_id, state.revision + 1, version, definition)


def _in_no_order(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a canonical schema with its classes sorted, in its fields too; fields and nodes hang on their order."""
    if schema.get("kind") == FORM:
        fields = [field | {"schema": _in_no_order(field["schema"])} for field in schema["fields"]]
        return schema | {"fields": fields}
    classes = schema.get("classes")
    return schema | {"classes": sorted(map(str, classes))} if isinstance(classes, list) else schema


def definition_faults(definition: Definition) -> list[Fault]:
    """Return what is out of range in a definition, by field."""
    faults = [*policy_faults(definition.policy), *target_faults(definition.targets)]
    if len(definition.name) > NAME_CHARACTERS_MAX:
        cure = f"send at most {NAME_CHARACTERS_MAX} characters"
        faults.append(Fault("name", f"has {len(definition.name)} characters", cure))
    if (size := len(definition.guideline.encode())) > GUIDELINE_BYTES_MAX:
        cure = f"send at most {GUIDELINE_BYTES_MAX}, and link to what is longer"
        faults.append(Fault("guideline", f"has {size} bytes", cure))
    return faults


def policy_faults(policy: Policy) -> Iterator[Fault]:
    """Yield what is out of range in a policy, by field."""
    yield from _within("policy.overlap.initial", policy.overlap.initial, 1, OVERLAP_MAX)
    yield from _within("policy.overlap.max", policy.overlap.max, policy.overlap.initial, OVERLAP_MAX)
    yield from consensus_faults(policy.consensus)
    yield from _within("policy.gold.rate", policy.gold.rate, 0, 1)
    yield from _within("policy.gold.qualify_units_max", policy.gold.qualify_units_max, 1, 1_000)
    yield from _within("policy.gold.pass_accuracy", policy.gold.pass_accuracy, 0, 1)
    yield from _within("policy.sampling.rate", policy.sampling.rate, 0, 1)
    yield from _within("policy.sampling.uncertainty_min", policy.sampling.uncertainty_min, 0, 1)
    yield from quota_faults(policy.sampling)
    yield from _within("policy.suggestions.hidden_rate", policy.suggestions.hidden_rate, 0, 1)
    yield from _within("policy.lot.size", policy.lot.size, 1, LOT_SIZE_MAX)
    yield from _within("policy.lot.seal_after_seconds", policy.lot.seal_after_seconds, 1, 30 * 86_400)
    yield from _within("policy.audit.fraction", policy.audit.fraction, 0.001, 1)
    yield from _within("policy.audit.aql", policy.audit.aql, 0.0001, 0.5)
    if not policy.audit.aql < policy.audit.ltpd < 1:
        yield Fault("policy.audit.ltpd", f"is {policy.audit.ltpd}", f"send over aql ({policy.audit.aql}) and under 1")
    yield from _within("policy.audit.alpha", policy.audit.alpha, 0.0001, 0.5)
    yield from _within("policy.audit.beta", policy.audit.beta, 0.0001, 0.5)
    yield from _within("policy.audit.rejections_max", policy.audit.rejections_max, 0, REJECTIONS_MAX)
    yield from _within("policy.lease.seconds", policy.lease.seconds, 0, 7 * 86_400)
    yield from _within("policy.lease.renewals_max", policy.lease.renewals_max, 0, 100)
    yield from _within("policy.fatigue.false_alarm_units", policy.fatigue.false_alarm_units, 10, 100_000)
    yield from _within("policy.fatigue.break_seconds", policy.fatigue.break_seconds, 0, 86_400)
    yield from _within("policy.fatigue.session_minutes_max", policy.fatigue.session_minutes_max, 1, 1_440)
    yield from _within("policy.priority", policy.priority, -1_000, 1_000)
    yield from _within("policy.deadline_seconds", policy.deadline_seconds, 0, 365 * 86_400)


def quota_faults(sampling: Sampling) -> Iterator[Fault]:
    """Yield what is out of range in the quotas and the seed, by field."""
    if len(sampling.seed) > SEED_CHARACTERS_MAX:
        yield Fault("policy.sampling.seed", "is too long", f"send at most {SEED_CHARACTERS_MAX} characters")
    if len(sampling.quotas) > QUOTAS_MAX:
        cure = f"send at most {QUOTAS_MAX}"
        yield Fault("policy.sampling.quotas", f"names {len(sampling.quotas)} strata", cure)
        return
    for stratum, quota in sampling.quotas.items():
        if not stratum or len(stratum) > STRATUM_CHARACTERS_MAX:
            cure = f"name strata by 1 to {STRATUM_CHARACTERS_MAX} characters"
            yield Fault("policy.sampling.quotas", f"names a stratum of {len(stratum)} characters", cure)
        yield from _within(f"policy.sampling.quotas.{stratum[:STRATUM_CHARACTERS_MAX]}", quota, 0, QUOTA_MAX)


def stated_whole(policy: Policy) -> Policy:
    """Return the policy with its confidence written out where it says how much may be wrong."""
    consensus = msgspec.structs.replace(policy.consensus, confidence=policy.consensus.settled_at)
    return msgspec.structs.replace(policy, consensus=consensus)


def consensus_faults(consensus: Consensus) -> Iterator[Fault]:
    """Yield what is out of range in the policy of consensus, by field."""
    yield from _within("policy.consensus.confidence", consensus.confidence, CONFIDENCE_LOW, CONFIDENCE_HIGH)
    if consensus.prices is not None:
        yield from _price_faults(consensus, consensus.prices)
        return
    wrong = consensus.wrong_at_most
    if wrong is None:
        return
    field = "policy.consensus.wrong_at_most"
    yield from _within(field, wrong, WRONG_LOW, 1.0 - CONFIDENCE_LOW)
    if consensus.method == "majority":
        problem = "is a chance, and the majority's share of the labels is none"
        yield Fault(field, problem, "leave it out, or send method posterior")
    if consensus.confidence not in (CONFIDENCE, consensus.settled_at):
        problem = f"is {wrong}, and confidence {consensus.confidence} says another thing"
        yield Fault(field, problem, "send one of the two; confidence is 1 less wrong_at_most")


def _price_faults(consensus: Consensus, prices: Prices) -> Iterator[Fault]:
    field = "policy.consensus.prices"
    for name in ("label", "decision", "error"):
        price = getattr(prices, name)
        if not PRICE_LOW <= price <= PRICE_HIGH:
            yield Fault(f"{field}.{name}", f"is {price}", f"send a number from {PRICE_LOW:g} to {PRICE_HIGH:g}")
            return
    if consensus.method == "majority":
        problem = "are held against chances, and the majority's share of the labels is none"
        yield Fault(field, problem, "leave them out, or send method posterior")
    if consensus.wrong_at_most is not None or consensus.confidence not in (CONFIDENCE, consensus.settled_at):
        problem = "say when a unit is settled, and so does what else was sent"
        yield Fault(field, problem, "send prices, or confidence, or wrong_at_most")


def target_faults(targets: Targets) -> Iterator[Fault]:
    """Yield what is out of range in the targets, by field."""
    yield from _within("targets.alpha", targets.alpha, -1, 1)
    yield from _within("targets.label_error_rate", targets.label_error_rate, 0, 1)
    yield from _within("targets.audit_pass_rate", targets.audit_pass_rate, 0, 1)
    yield from _within("targets.turnaround_p95_seconds", targets.turnaround_p95_seconds, 1, 365 * 86_400)


def _within(field: str, value: float, low: float, high: float) -> Iterator[Fault]:
    if not low <= value <= high:
        yield Fault(field, f"is {value}", f"send a number from {low:g} to {high:g}")
