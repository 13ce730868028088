"""What a project's report shows, gathered a little at a time: of one moment as far as its parts are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from concord.chassis.projects import Project
from concord.labels import LabelSchema
from concord.quality.estimate import Estimate
from concord.quality.fatigue import Fatigue
from services.metrics.domain.agreement import Coefficients, classes_of
from services.metrics.domain.anchoring import Anchored
from services.metrics.domain.bias import Contrast
from services.metrics.domain.drift import Drifted, Window, label_windows
from services.metrics.domain.fatigue import Due
from services.metrics.domain.pairs import Pairs
from services.metrics.domain.position import Favoured
from services.metrics.domain.report import Report
from services.metrics.domain.sliced import Sliced, by_time
from services.metrics.domain.standing import Competence, Standing
from services.metrics.domain.survey import Aspect
from services.metrics.domain.targets import Target, TargetStanding
from services.metrics.measure import Measure, breaks_of
from services.metrics.surveying import Surveys, schemas_of

FIELDS_MAX = 4
"""Fields of a form that are drawn; the others are in the table of fields."""
POINT_UNITS_MIN = 10
"""A window with fewer units is no point of the curve."""
PEOPLE_AT_ONCE = 200


@dataclass(slots=True)
class Part:
    """The labels, or one field of them.

    Attributes:
        name: the field; empty: the whole label.
        classes: of its schema, canonical JSON.
        curve: alpha by window of time.
        over: agreement over time is not kept: too many different labels.
        shares: how often each label was given, by window of time.
        confusion: answers on gold by (known, given).
    """

    name: str
    classes: tuple[str, ...]
    curve: list[tuple[int, int, Estimate]] = field(default_factory=list)
    over: bool = False
    shares: list[Window] = field(default_factory=list)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the labels cost.

    Attributes:
        labels: in all, gold and late ones among them.
        active_ms: that annotators told.
        units_settled, rulings: how many have their label, and how many of these by an adjudicator.
        saved, saved_share: labels against the project's overlap at most.
        price_label, price_decision: as the project says; zero where it does not.
    """

    labels: int
    active_ms: int
    units_settled: int
    rulings: int
    saved: int
    saved_share: float | None
    price_label: float
    price_decision: float


@dataclass(frozen=True, slots=True)
class Material:
    """What a project's report shows."""

    project: Project
    report: Report
    beside: Coefficients
    targets: Sequence[tuple[Target, TargetStanding]]
    parts: Sequence[Part]
    people: Sequence[Competence]
    tired: Sequence[tuple[str, Fatigue, Due]]
    watched: bool
    drifts: Sequence[Drifted]
    contrasts: Sequence[Contrast]
    anchored: Sequence[Anchored]
    favoured: Sequence[Favoured]
    pairs: Sequence[Pairs]
    sliced: Mapping[str, Sequence[Sliced]]
    cost: Cost


async def material(measure: Measure, surveys: Surveys, project: Project) -> Material:
    """Gather what a project's report shows; others get to run all the while.

    Raises:
        NotHere: its place is another process's, or is being counted.
    """
    found = await measure.now(project)
    survey, _ = await surveys.of(project)
    rows = measure.repository.rows_of(project.project_id)
    sums = None if rows is None else rows.sums.get(project.project_id)
    standings = {} if sums is None else sums.standings
    schemas = dict(list(schemas_of(project).items())[:FIELDS_MAX])
    parts = [await _part(measure, name, schema, survey.aspects.get(name)) for name, schema in schemas.items()]
    active_ms = await _confusion(measure, parts, standings)
    drifts, _ = await surveys.drifts(project)
    contrasts, _ = await surveys.contrasts(project)
    anchored, _ = await surveys.anchored(project)
    favoured, _ = await surveys.favoured(project)
    pairs, _ = await surveys.pairs(project)
    parts_of, _ = await surveys.sliced(project)
    breaks = breaks_of(project)
    people = measure.people(project) if breaks.asked else {}
    return Material(
        project,
        found.report,
        measure.coefficients(project),
        measure.targets(project, found),
        parts,
        list(found.competences.values()),
        [(person, people[person].found(breaks), people[person].due) for person in sorted(people)],
        breaks.asked,
        drifts,
        contrasts,
        anchored,
        favoured,
        pairs,
        parts_of,
        _cost(project, found.report, active_ms),
    )


async def _part(measure: Measure, name: str, schema: LabelSchema, aspect: Aspect | None) -> Part:
    part = Part(name, classes_of(schema))
    if aspect is None or not part.classes:
        return part
    part.over = aspect.windows.over
    part.shares = label_windows(aspect.windows.spans())
    for slice_ in by_time(schema, aspect):
        if slice_.alpha.value is not None and slice_.alpha.units >= POINT_UNITS_MIN:
            part.curve.append((slice_.from_us, slice_.until_us, slice_.alpha))
        await measure.clock.sleep(0)
    return part


async def _confusion(measure: Measure, parts: Sequence[Part], standings: Mapping[str, Standing]) -> int:
    """Add up the answers on gold of all people, and return the active time that they told in all."""
    active_ms = 0
    for number, standing in enumerate(list(standings.values()), start=1):
        active_ms += sum(value * times for value, times in standing.active_ms.items())
        for part in parts:
            of_field = standing.fields.get(part.name) if part.name else standing
            if of_field is not None and part.classes:
                part.confusion.update(of_field.answers)
        if number % PEOPLE_AT_ONCE == 0:
            await measure.clock.sleep(0)
    return active_ms


def _cost(project: Project, report: Report, active_ms: int) -> Cost:
    prices = project.policy.consensus.prices
    settled = report.units_consensus + report.units_adjudicated
    rulings, saved = report.units_adjudicated, (report.labels_saved, report.labels_saved_share)
    return Cost(report.annotations, active_ms, settled, rulings, *saved, prices.label, prices.decision)
