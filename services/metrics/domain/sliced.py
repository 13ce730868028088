"""Agreement in the parts of a project: by class, by time, by slice of the data, and among annotators of a kind.

Krippendorff's alpha of each, from what a survey counts, so on the labels that were asked of every unit:

- *class*: is it this class or another, of all units: which class people cannot tell.
- *time*: units by when they got their first label; windows are an hour wide at first.
- *slice*: units by the stratum that their client names, such as the language of a text.
- *guideline*: units whose labels were all given under one version of the guideline: whether a new version helped.
- *kind, vendor, language*: among the annotators of a group, on units that two of them or more labelled. A survey
  counts those by pairs of people, so a unit with m labels of the group has the weight of m (m - 1), where alpha's own
  is m: the same wherever two of the group label a unit, and close elsewhere. Labels of one annotator are alike, so the
  interval is the wider of two jackknifes: over pairs of labels, and over people (a part of them left out at a time).

Sources: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011; delete-a-group jackknife: Kott, Journal of
Official Statistics 17(4), 2001.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import cast

from scipy.special import stdtrit

from concord.labels import LabelSchema
from concord.quality.agreement import percent_agreement
from concord.quality.estimate import Estimate
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.tally import LabelTally, Row
from services.metrics.domain.agreement import agreement, classes_of
from services.metrics.domain.bias import Groups
from services.metrics.domain.survey import BETWEEN, Aspect, Both
from services.metrics.domain.unit import label_row

CLASS, TIME, SLICE, GUIDELINE = "class", "time", "slice", "guideline"
PARTS_MAX = 50
"""So many classes, slices and groups of a kind are told, those with most units, and of the guideline so many versions,
the newest. Windows of time are 128 at most."""
CONFIDENCE = 0.95
LEFT_OUT_PARTS, PEOPLE_MIN = 20, 3
"""Into so many parts people are dealt for the jackknife over them; of fewer people there is none."""
THIS, OTHER = '"this"', '"another"'


@dataclass(frozen=True, slots=True)
class Sliced:
    """Agreement in one part.

    Attributes:
        by: "class", "time", "slice", "guideline", or "kind", "vendor", "language" of annotators.
        part: which: a class as canonical JSON, a stratum, a version, a group; of a window of time empty.
        from_us, until_us: of a window of time; else zero.
        agreement: share of pairs of labels that are equal.
    """

    by: str
    part: str
    alpha: Estimate
    agreement: Estimate
    from_us: int = 0
    until_us: int = 0


def sliced(schema: LabelSchema, aspect: Aspect, groups: Groups) -> Iterator[Sliced]:
    """Yield agreement in each part that has any, one after another, for each takes a millisecond or several.

    Args:
        schema: of the labels, or of the field.
        aspect: the labels.
        groups: the annotators' attributes.
    """
    if not may_be_sliced(schema):
        return
    yield from _by_class(schema, aspect)
    yield from by_time(schema, aspect)
    for name in _most({key: sum(table.values()) for key, table in aspect.slices.tables.items() if key}):
        rows = cast("Mapping[Row, int]", aspect.slices.tables[name])
        yield Sliced(SLICE, name, *agreement(LabelTally(dict(rows)), schema))
    for version in sorted(map(int, aspect.guidelines.tables))[-PARTS_MAX:]:
        rows = cast("Mapping[Row, int]", aspect.guidelines.tables[str(version)])
        yield Sliced(GUIDELINE, str(version), *agreement(LabelTally(dict(rows)), schema))
    for by, members in groups.items():
        yield from _by_group(by, members, schema, aspect)


def may_be_sliced(schema: LabelSchema) -> bool:
    """Return whether labels are such that what a survey counts of them says how far they agree."""
    return bool(classes_of(schema)) or schema.alpha_metric is not None


def by_time(schema: LabelSchema, aspect: Aspect) -> Iterator[Sliced]:
    """Yield agreement in each window of time that has a unit with two labels, the earliest first."""
    for from_us, until_us, counted in aspect.windows.spans():
        alpha, shared = agreement(LabelTally(dict(cast("Mapping[Row, int]", counted))), schema)
        if alpha.units:
            yield Sliced(TIME, "", alpha, shared, from_us, until_us)


def _by_class(schema: LabelSchema, aspect: Aspect) -> Iterator[Sliced]:
    rows: Counter[Row] = Counter()
    for _, _, counted in aspect.windows.spans():
        rows.update(cast("Mapping[Row, int]", counted))
    given: Counter[str] = Counter()
    for row, units in rows.items():
        for label, times in row:
            given[str(label)] += times * units
    for name in _most({label: given[label] for label in classes_of(schema) if given[label]}):
        collapsed: Counter[Row] = Counter()
        for row, units in rows.items():
            these = sum(times for label, times in row if label == name)
            others = sum(times for _, times in row) - these
            collapsed[label_row([THIS] * these + [OTHER] * others)] += units
        counts = LabelTally(dict(collapsed)).label_counts()
        yield Sliced(CLASS, name, krippendorff_alpha(counts), percent_agreement(counts))


def _by_group(by: str, members: Mapping[str, Sequence[str]], schema: LabelSchema, aspect: Aspect) -> Iterator[Sliced]:
    within: defaultdict[str, list[tuple[str, str, Mapping[Both, int]]]] = defaultdict(list)
    for key, table in aspect.pairs.tables.items():
        first, _, second = key.partition(BETWEEN)
        for group in set(members.get(first, ())).intersection(members.get(second, ())):
            within[group].append((first, second, table))
    for group in _most({group: sum(sum(table.values()) for *_, table in pairs) for group, pairs in within.items()}):
        alpha, shared = agreement(_tally(within[group]), schema)
        yield Sliced(by, group, _over_people(within[group], schema, alpha), shared)


def _tally(pairs: Sequence[tuple[str, str, Mapping[Both, int]]]) -> LabelTally:
    rows: Counter[Row] = Counter()
    for _, _, table in pairs:
        for both, units in table.items():
            rows[label_row(both)] += units
    return LabelTally(dict(rows))


def _over_people(
    pairs: Sequence[tuple[str, str, Mapping[Both, int]]], schema: LabelSchema, whole: Estimate
) -> Estimate:
    """Return the estimate with the wider of its interval and that of a jackknife over people.

        se² = (g - 1)/g · Σ (α₍ⱼ₎ - ᾱ)²,  α ± t·se with g - 1 degrees of freedom

    α₍ⱼ₎ is without the j-th of g parts of the people, all pairs in which one of them is.
    """
    people = sorted({who for first, second, _ in pairs for who in (first, second)})
    if whole.value is None or whole.low is None or whole.high is None or len(people) < PEOPLE_MIN:
        return whole
    parts = min(LEFT_OUT_PARTS, len(people))
    of = {who: place % parts for place, who in enumerate(people)}
    without = []
    for part in range(parts):
        left = [pair for pair in pairs if part not in (of[pair[0]], of[pair[1]])]
        value = agreement(_tally(left), schema)[0].value if left else None
        if value is not None:
            without.append(value)
    if len(without) < PEOPLE_MIN:
        return whole
    mean, count = sum(without) / len(without), len(without)
    error = sqrt((count - 1) / count * sum((value - mean) ** 2 for value in without))
    half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * error
    low, high = min(whole.low, whole.value - half), max(whole.high, whole.value + half)
    method = f"{whole.method}, by pairs of labels and by people"
    return replace(whole, low=min(whole.low, max(-1.0, low)), high=min(1.0, high), method=method)


def _most(units: Mapping[str, int]) -> list[str]:
    return sorted(units, key=lambda name: (-units[name], name))[:PARTS_MAX]
