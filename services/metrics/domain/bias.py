"""Whether some annotators, or some part of the data, are labelled otherwise than the rest: rates beside each other.

By group of annotators (kind, vendor, language) and by slice of the data (the units' stratum), two rates: how often each
class is given, and how often gold is answered wrong. Labels of one annotator are alike, and so are those of one unit;
so annotators are the clusters where groups are compared, and units where slices are. Errors are of gold alone: a
resolved label is made of the labels that would be judged by it, and who is outvoted would always be wrong.

All that is compared is tested together (Benjamini and Hochberg): of what is called found, BIAS_LEVEL is false at most,
on average. A difference is no proof of a bias: groups that are given other units label otherwise, rightly. Where
annotators are dealt units by skill or language, look at errors, and at the slice.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from concord.quality.clustered import CLUSTERS_MIN, Clusters, Difference, clustered_difference, clustered_rate
from concord.quality.estimate import Estimate
from concord.quality.many_tests import benjamini_hochberg
from services.metrics.domain.standing import SaysSame
from services.metrics.domain.survey import BETWEEN, NO_TRAITS, Aspect
from services.metrics.domain.unit import Unit, judged_by, known_label

BIAS_LEVEL = 0.05
GROUPS_MAX, SLICES_MAX, CLASSES_MAX = 12, 12, 12
"""So many of each are compared: those with the most labels."""
TRIALS_MIN = 50
"""Below so many labels, or gold answers, on either side nothing is compared."""
SLICE = "slice"
ERROR, LABEL = "error", "label"
ANNOTATORS, UNITS = "annotators", "units"


@dataclass(frozen=True, slots=True)
class Contrast:
    """One group or slice beside the rest of its kind.

    Attributes:
        field: of labels that have several; else empty.
        by: "kind", "vendor" or "language" of annotators, or "slice" of the data.
        group: which.
        within: the slice to which a comparison of annotators is confined; None: over all.
        measure: "error" on gold, or how often a "label" is given.
        label: which, canonical JSON; empty of errors.
        rate, rest: with their intervals.
        difference: the rate less that of the rest.
        adjusted: its p-value, with all comparisons of the project looked at together.
    """

    field: str
    by: str
    group: str
    within: str | None
    measure: str
    label: str
    rate: Estimate
    rest: Estimate
    difference: Difference
    adjusted: float | None = None

    @property
    def is_found(self) -> bool:
        """Return whether the difference is none of chance."""
        return self.adjusted is not None and self.adjusted < BIAS_LEVEL


@dataclass(slots=True)
class GoldAnswers:
    """What was said of a project's gold units: sums over clusters.

    Attributes:
        people: by annotator and slice, answers and how many are wrong.
        slices: by slice, clusters of units.
    """

    people: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    slices: defaultdict[str, Clusters] = field(default_factory=lambda: defaultdict(Clusters))

    def add(self, unit: Unit, says_same: SaysSame, answer: Callable[[str], str]) -> None:
        """Count the answers to a gold unit; `answer` takes out of a label what is judged, empty where it is not."""
        known, slice_name = answer(known_label(unit)), (unit.traits or NO_TRAITS).stratum
        judged = (
            [annotation for annotation in unit.annotations.values() if judged_by(unit, annotation)] if known else []
        )
        given = [(annotation.annotator_id, answer(annotation.label)) for annotation in judged]
        wrong = [(who, not says_same(known, label)) for who, label in given if label]
        for who, is_wrong in wrong:
            answers, errors = self.people.get((who, slice_name), (0, 0))
            self.people[who, slice_name] = answers + 1, errors + is_wrong
        self.slices[slice_name].add(len(wrong), sum(is_wrong for _, is_wrong in wrong))


Groups = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By attribute and annotator, the groups that the annotator is in."""
Of = Mapping[str, tuple[int, int]]
"""By annotator, trials and hits."""


def contrasts(
    field_name: str, classes: Collection[str], aspect: Aspect, gold: GoldAnswers, groups: Groups
) -> Iterator[Contrast]:
    """Yield what is compared, one after another; `tested` then says what is found.

    Args:
        field_name: of labels that have several; else empty.
        classes: canonical JSON of the schema's classes, of which rates are compared.
        aspect: the labels.
        gold: the answers on gold.
        groups: the annotators' attributes.
    """
    for contrast in _contrasts(classes, aspect, gold, groups):
        yield replace(contrast, field=field_name)


def _contrasts(classes: Collection[str], aspect: Aspect, gold: GoldAnswers, groups: Groups) -> Iterator[Contrast]:
    labels, by_label = _labels_of_people(aspect, classes)
    errors = _over_slices(gold.people)
    for by, members in groups.items():
        yield from _of_groups(by, members, None, ERROR, "", errors)
        for label in labels:
            yield from _of_groups(by, members, None, LABEL, label, by_label[label])
        for slice_name in _largest({name: sums.trials for name, sums in gold.slices.items()}, SLICES_MAX):
            inside = {who: found for (who, name), found in gold.people.items() if name == slice_name}
            if len(gold.slices) > 1:
                yield from _of_groups(by, members, slice_name, ERROR, "", inside)
    yield from _of_slices(ERROR, "", gold.slices)
    for label in labels:
        yield from _of_slices(LABEL, label, _slices_of(aspect, label))


def tested(found: Iterable[Contrast]) -> list[Contrast]:
    """Return the contrasts with their p-values as all of them together have them, the least first."""
    several = list(found)
    places = [place for place, contrast in enumerate(several) if contrast.difference.p_value is not None]
    adjusted = benjamini_hochberg([several[place].difference.p_value or 0.0 for place in places])
    for place, value in zip(places, adjusted, strict=True):
        several[place] = replace(several[place], adjusted=value)
    return sorted(several, key=lambda contrast: 1.0 if contrast.adjusted is None else contrast.adjusted)


def _labels_of_people(aspect: Aspect, classes: Collection[str]) -> tuple[list[str], dict[str, Of]]:
    """Return the most frequent labels, and by label how many labels each annotator gave and how many are that one."""
    people: dict[str, Counter[str]] = defaultdict(Counter)
    often: Counter[str] = Counter()
    for key in sorted(aspect.people.tables):
        table = aspect.people.tables[key]
        people[key.partition(BETWEEN)[0]].update(table)
        often.update(table)
    labels = _largest({label: often[label] for label in classes if often[label]}, CLASSES_MAX)
    whole = {who: sum(table.values()) for who, table in people.items()}
    return labels, {label: {who: (whole[who], table[label]) for who, table in people.items()} for label in labels}


def _over_slices(people: Mapping[tuple[str, str], tuple[int, int]]) -> Of:
    found: dict[str, tuple[int, int]] = {}
    for (who, _), (trials, hits) in people.items():
        known = found.get(who, (0, 0))
        found[who] = known[0] + trials, known[1] + hits
    return found


def _of_groups(
    by: str, members: Mapping[str, tuple[str, ...]], within: str | None, measure: str, label: str, found: Of
) -> Iterator[Contrast]:
    whole = Clusters()
    groups: defaultdict[str, Clusters] = defaultdict(Clusters)
    for who, (trials, hits) in found.items():
        mine = members.get(who, ())
        if mine:
            whole.add(trials, hits)
        for group in mine:
            groups[group].add(trials, hits)
    if len(groups) > 1:
        for group in _largest({name: sums.trials for name, sums in groups.items()}, GROUPS_MAX):
            yield from _compared(
                Contrast("", by, group, within, measure, label, *_NONE), groups[group], whole, ANNOTATORS
            )


def _of_slices(measure: str, label: str, slices: Mapping[str, Clusters]) -> Iterator[Contrast]:
    whole = Clusters()
    for sums in slices.values():
        whole = _both(whole, sums)
    if len(slices) > 1:
        for name in _largest({name: sums.trials for name, sums in slices.items()}, SLICES_MAX):
            yield from _compared(Contrast("", SLICE, name, None, measure, label, *_NONE), slices[name], whole, UNITS)


def _slices_of(aspect: Aspect, label: str) -> dict[str, Clusters]:
    found: dict[str, Clusters] = {}
    for name, rows in aspect.slices.tables.items():
        sums = found[name] = Clusters()
        for row, units in rows.items():
            sums.add(sum(times for _, times in row), dict(row).get(label, 0), units)
    return found


def _compared(named: Contrast, sums: Clusters, whole: Clusters, what: str) -> Iterator[Contrast]:
    rest = whole - sums
    if min(sums.trials, rest.trials) < TRIALS_MIN or min(sums.clusters, rest.clusters) < CLUSTERS_MIN:
        return
    difference = clustered_difference(sums, rest, what)
    yield replace(named, rate=clustered_rate(sums, what), rest=clustered_rate(rest, what), difference=difference)


def _both(clusters: Clusters, other: Clusters) -> Clusters:
    return Clusters(*(getattr(clusters, name) + getattr(other, name) for name in Clusters.__slots__))


def _largest(many: Mapping[str, int], most: int) -> list[str]:
    return sorted(many, key=lambda name: (-many[name], name))[:most]


_NONE = (
    Estimate(None, None, None, 0, "", "not compared"),
    Estimate(None, None, None, 0, "", "not compared"),
    Difference(None, None, None, None, "not compared"),
)
