"""A project: what is to be labelled, how, and what the contract promises."""

from typing import Any, Literal, NamedTuple

import msgspec

from concord.labels.schema_change import SchemaChange
from concord.labels.versions import Step
from services.ingest.domain.conduct import Pace, Skips
from services.ingest.domain.models import Models

REPEAT_RULINGS_HIGH = 0.5
CONFIDENCE_LOW, CONFIDENCE, CONFIDENCE_HIGH = 0.5, 0.95, 1.0
WRONG_LOW = 0.0001
PRICE_LOW, PRICE_HIGH = 0.000_001, 1_000_000.0
OVERLAP_MAX = 100
LOT_SIZE_MAX = 5_000
REJECTIONS_MAX = 10
RECHECK_UNITS_MAX = 500
RECHECK_PAUSE_HOURS_MAX = 720
REPEAT_INSPECTIONS_HIGH = 0.5
SEED_CHARACTERS_MAX = 100
QUOTAS_MAX = 200
QUOTA_MAX = 10_000_000
CAP_UNITS_MAX = 10_000_000
OPEN_UNITS_MAX = 1_000_000
STRATUM_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 200
GUIDELINE_VERSIONS_MAX = 1_000
SCHEMA_VERSIONS_MAX = 1_000
EXAMPLES_MAX = 200
EXAMPLE_CHARACTERS_MAX = 4_000
"""Of a text, an address or a note of an example."""
GUIDELINE_BYTES_MAX = 400_000
"""In UTF-8, with its examples: a definition is told whole in one event, its schema of up to 200,000 bytes included."""


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


class ProjectNotOpen(RuntimeError):
    """The project is paused or closed, and what was asked takes one that is open.

    Attributes:
        field, problem, cure: as a refusal tells them.
    """

    field = "project_id"

    def __init__(self, life: "Life", reason: str) -> None:
        because = f": {reason}" if reason else ""
        super().__init__(f"The project is {life}{because}")
        self.problem = f"is {life}"
        self.cure = (
            "resume the project, and send the same again; none is taken twice"
            if life == "paused"
            else "define a new project; a closed one is not opened again"
        )


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
        repeat_rulings: share of rulings that are given blind to a second adjudicator, too; the first one stands.
    """

    method: Literal["posterior", "majority"] = "posterior"
    confidence: float = CONFIDENCE
    wrong_at_most: float | None = None
    learn: Literal["gold", "competence", "resolved"] = "resolved"
    prices: Prices | None = None
    repeat_rulings: float = 0.0

    @property
    def settled_at(self) -> float:
        """Return the confidence at which a unit is settled, however it was said."""
        if self.prices is not None:
            return max(CONFIDENCE_LOW, 1.0 - self.prices.decision / self.prices.error)
        return self.confidence if self.wrong_at_most is None else 1.0 - self.wrong_at_most


class Gold(Wish, frozen=True):
    """The share of hidden gold in the work, and the qualification test's length and bar.

    Attributes:
        qualify: of whom it is asked to be given gold alone until the lower bound of their accuracy on it reaches
            `pass_accuracy`: of nobody, of everybody once, or of everybody again under each version of the guideline.
        qualify_units_max: gold units after which somebody who has not reached it has failed.
        doubts: whether a known label that most good annotators disagree with is held back until a person has ruled.
        retrain_units: how many gold units that they missed somebody who failed looks at, with the right answers, before
            they try again by themselves; 0: the operator lets them.
        attempts_max: how often somebody may fail in a row and still try again by themselves.
        candidate_labels_min: units with at least so many labels, all of which say the same, become candidates for known
            labels, beside what was ruled; 0: only what was ruled does.
        candidate_confidence_min: and of at least that confidence.
        exposures_max: to how many annotators a gold unit is shown; 0: to any number.
        stale_days: after how many days a gold unit is stale and shown no more; 0: after any number.
        stale_with_guideline: whether gold that came in under an older version of the guideline is stale.
    """

    rate: float = 0.10
    qualify: Literal["no", "once", "each_version"] = "no"
    qualify_units_max: int = 30
    pass_accuracy: float = 0.80
    doubts: bool = True
    retrain_units: int = 0
    attempts_max: int = 3
    candidate_labels_min: int = 2
    candidate_confidence_min: float = 0.98
    exposures_max: int = 0
    stale_days: int = 0
    stale_with_guideline: bool = False


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
        plan: "iso_2859_1" takes the plan for aql out of the standard's tables and switches between normal, tightened
            and reduced inspection; the others keep both risks, but for a fraction, which promises nothing.
        rejections_max: how often a lot may be sent back to be labelled anew; rejected once more, it is inspected whole.
        level, reduction: of ISO 2859-1, Table 1, and whether inspection may be reduced: its client must have agreed.
        recheck_units: when drift is detected, so many units that have left are inspected once more; 0: none.
        recheck_pause_hours: from one such recheck to the next.
        repeat_inspections: which share of inspections a second auditor repeats blind, beside all that found a wrong
            label; 0: none. What they come to is in the interval of the label error rate.
        radius_units: where annotators are at fault for a rejected lot, so many units of theirs are inspected of each
            other lot before it may be accepted, and all where one is wrong; 0: none.
        radius_recheck_share: of their units in accepted lots so many are inspected once more as show with 95 % that no
            such share of them is wrong, and all where one is; 0: none by itself.
    """

    plan: Literal["sequential", "single", "fraction", "iso_2859_1"] = "sequential"
    fraction: float = 0.05
    aql: float = 0.01
    ltpd: float = 0.05
    alpha: float = 0.05
    beta: float = 0.10
    on_reject: Literal["relabel", "inspect_all"] = "relabel"
    rejections_max: int = 2
    level: Literal["I", "II", "III", "S-1", "S-2", "S-3", "S-4"] = "II"
    reduction: bool = False
    recheck_units: int = 0
    recheck_pause_hours: int = 24
    repeat_inspections: float = 0.0
    radius_units: int = 30
    radius_recheck_share: float = 0.05


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


class Caps(Wish, frozen=True):
    """How much of the project one annotator is given; 0: as much as there is.

    Attributes:
        units_per_day: in a day, UTC.
        hours_per_day: of active time, in a day; what is held then may be finished.
        units: in all: a share of the project, as a number.
    """

    units_per_day: int = 0
    hours_per_day: float = 0.0
    units: int = 0


Reidentification = Literal["none", "compare", "sealed"]


class Privacy(Wish, frozen=True):
    """What of people is replaced in a content before it is stored or shown.

    Attributes:
        treatments: by kind (`concord.privacy.KINDS`): mask, or pseudonym, which is the same for the same value.
        names: those of the kind `name`; kept as keyed hashes.
        regions: ISO 3166 codes, for telephones without a country's prefix.
        reidentification: what the role `privacy` may ask of a unit: nothing (none), whether a value it has is behind
            one of the unit's pseudonyms (compare), or the originals, too (sealed): then they are kept, sealed under the
            client's key, until the unit is erased.
    """

    treatments: dict[str, Literal["mask", "pseudonym"]] = {}
    names: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    reidentification: Reidentification = "compare"


class Guidelines(Wish, frozen=True):
    """Whether annotators acknowledge each version of the guideline before they are given units under it."""

    acknowledge: bool = False


class Policy(Wish, frozen=True):
    """How a project's units are labelled and judged.

    Attributes:
        dedupe: what is done with a content that is known under another id: the unit that came first stands for it
            (content), or it is a unit of its own (id).
        max_open_units: how many units may be in and not settled; what is sent beyond that waits. 0: no bound.
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
    caps: Caps = Caps()
    priority: int = 0
    deadline_seconds: int = 0
    dedupe: Literal["content", "id"] = "content"
    guideline: Guidelines = Guidelines()
    max_open_units: int = 0
    models: Models = Models()
    pace: Pace = Pace()
    skips: Skips = Skips()


class Targets(Wish, frozen=True):
    """What the contract promises."""

    alpha: float = 0.80
    label_error_rate: float = 0.02
    audit_pass_rate: float = 0.95
    turnaround_p95_seconds: int = 86_400


class Example(Wish, frozen=True, rename={"class_name": "class"}):
    """What has a class: a text, or the address of an image.

    Attributes:
        class_name: `class` in JSON.
        field: of a form, the one that asks for the class; empty otherwise.
        note: why.
    """

    class_name: str
    text: str = ""
    uri: str = ""
    note: str = ""
    field: str = ""


class Definition(Wish, frozen=True):
    """What a client says of a project.

    Attributes:
        label_schema: what is offered. Where it differs from what was, the next version of it comes.
        guideline: markdown; with the examples it makes a version, and where either changes, the next one.
        schema_change: what becomes of classes and fields that were offered before; of the change alone, and not kept.
    """

    label_schema: dict[str, Any]
    name: str = ""
    guideline: str = ""
    policy: Policy = Policy()
    targets: Targets = Targets()
    guideline_examples: tuple[Example, ...] = ()
    schema_change: SchemaChange | None = None


Life = Literal["open", "paused", "closed"]
"""Paused: nothing is given out or taken in until it is resumed. Closed: for good, and what was begun is settled."""


class Author(NamedTuple):
    """Who changes a project: as their credential names them, and in which role."""

    subject: str = ""
    role: str = ""


NOBODY = Author()
"""Where it is not noted who."""


class ProjectState(msgspec.Struct, frozen=True):
    """A project as it is since its last change; the guideline's version grows when its text changes.

    Attributes:
        life_reason: why it is not open, in its client's words.
        changed_by, changed_as: who made this revision, and in which role; empty where that was not noted.
        versions_from: the revision in which each version of the guideline came, from the first on; not told to others.
        schema_version: of the label schema, counted from 1.
        schema_whole: the schema with all that its versions offered; empty while there is one.
        schema_steps: by which it came to be so, oldest first.
        schemas_from: the revision in which each version of the schema came, from the first on; not told to others.
    """

    project_id: str
    client_id: str
    revision: int
    guideline_version: int
    definition: Definition
    life: Life = "open"
    life_reason: str = ""
    changed_by: str = ""
    changed_as: str = ""
    versions_from: tuple[int, ...] = (1,)
    schema_version: int = 1
    schema_whole: dict[str, Any] = {}
    schema_steps: tuple[Step, ...] = ()
    schemas_from: tuple[int, ...] = (1,)

    def must_be_open(self) -> None:
        """Raise ProjectNotOpen where it is not."""
        if self.life != "open":
            raise ProjectNotOpen(self.life, self.life_reason)
