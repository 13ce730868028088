"""Whether labels, or what comes in, have moved: the newest units against the first ones.

The first units of a project, REFERENCE_UNITS of them and the whole window in which they became so many, are what was
agreed on when it began. Against them stand the newest windows that hold CURRENT_UNITS. A measure has drifted where both
are so: its population stability index is DRIFT_LIMIT or more, which is its size, and chance alone is no explanation, at
a false discovery rate of DRIFT_LEVEL over all measures of the project at once. With many units a trifle is certain, and
with few ones chance is large; either alone would call for people in vain.

Labels of one unit are alike, so a unit counts once: each of its labels as a part of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from concord.labels import LabelSchema
from concord.quality.drift import chi_square_drift, pooled_rare, population_stability_index
from concord.quality.many_tests import benjamini_hochberg
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.survey import (
    CONTENT_LENGTH,
    MEDIA_TYPE,
    STRATUM,
    SUGGESTED,
    UNCERTAINTY,
    Survey,
    Trait,
)
from services.metrics.domain.unit import LabelRow

REFERENCE_UNITS, CURRENT_UNITS = 500, 200
DRIFT_LIMIT = 0.1
"""Below it a distribution is customarily held to be stable (Siddiqi 2006)."""
DRIFT_LEVEL = 0.01
SHOWN_MAX = 20
"""Categories of a measure that are told: the most frequent."""
INCOMING = (CONTENT_LENGTH, MEDIA_TYPE, STRATUM, SUGGESTED, UNCERTAINTY)
LABELS = "labels"

Counts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Window:
    """Units of a span of time.

    Attributes:
        from_us, until_us: event times.
        units: how many.
        counts: by category.
    """

    from_us: int
    until_us: int
    units: float
    counts: Counts


@dataclass(frozen=True, slots=True)
class Drifted:
    """One measure.

    Attributes:
        measure: what is looked at: "labels" (with "/field" where labels have several), or what of incoming units.
        psi: of the newest units against the first; None where there are too few, then `reason` says so.
        p_value: by chi-square; None with it.
        adjusted: the p-value, with all measures of the project looked at together.
        reference, current: the two; None where there are too few units.
    """

    measure: str
    psi: float | None
    p_value: float | None
    reference: Window | None
    current: Window | None
    reason: str = ""
    adjusted: float | None = None

    @property
    def is_found(self) -> bool:
        """Return whether the measure has drifted."""
        if self.psi is None or self.adjusted is None:
            return False
        return self.psi >= DRIFT_LIMIT and self.adjusted < DRIFT_LEVEL

    @property
    def grown(self) -> str:
        """Return the category whose share has grown most; empty where nothing can be said.

        >>> before, after = Window(0, 1, 10, {"a": 8, "b": 2}), Window(1, 2, 10, {"a": 4, "b": 6})
        >>> Drifted("labels", 0.4, 0.01, before, after).grown
        'b'
        """
        before, after = self.reference, self.current
        if before is None or after is None or not after.counts:
            return ""
        shares = {
            name: units / after.units - before.counts.get(name, 0.0) / before.units
            for name, units in after.counts.items()
        }
        return max(sorted(shares), key=shares.__getitem__)


def measures_of(survey: Survey, schemas: Mapping[str, LabelSchema]) -> Iterator[Drifted]:
    """Yield what became of each measure, labels first, one after another; `tested` then says what has drifted.

    Args:
        survey: of a project.
        schemas: of each field, or of the whole label by the empty name.
    """
    measures = chain(_labels(survey, schemas), ((name, _incoming(survey, name)) for name in INCOMING))
    return (_looked_at(name, windows) for name, windows in measures)


def tested(measures: Iterable[Drifted]) -> list[Drifted]:
    """Return the measures with their p-values as all of them together have them."""
    found = list(measures)
    places = [place for place, drift in enumerate(found) if drift.p_value is not None]
    adjusted = benjamini_hochberg([found[place].p_value or 0.0 for place in places])
    for place, value in zip(places, adjusted, strict=True):
        found[place] = replace(found[place], adjusted=value)
    return found


def _labels(survey: Survey, schemas: Mapping[str, LabelSchema]) -> Iterator[tuple[str, list[Window]]]:
    for name, schema in schemas.items():
        if classes_of(schema) and name in survey.aspects:
            yield f"{LABELS}/{name}" if name else LABELS, label_windows(survey.aspects[name].windows.spans())


def label_windows(spans: Sequence[tuple[int, int, Mapping[LabelRow, int]]]) -> list[Window]:
    """Return how often each label was given in each window, a unit counting once.

    >>> [(window.units, window.counts) for window in label_windows([(0, 1, {(("no", 1), ("yes", 3)): 4})])]
    [(4, {'no': 1.0, 'yes': 3.0})]
    """
    windows = []
    for from_us, until_us, rows in spans:
        counts: dict[str, float] = {}
        for row in sorted(rows):
            of_unit = sum(times for _, times in row)
            for label, times in row:
                counts[label] = counts.get(label, 0.0) + rows[row] * times / of_unit
        windows.append(Window(from_us, until_us, sum(rows.values()), counts))
    return windows


def _incoming(survey: Survey, measure: str) -> list[Window]:
    windows = []
    for from_us, until_us, cells in survey.incoming.spans():
        counts = _of_measure(cells, measure)
        if counts:
            windows.append(Window(from_us, until_us, sum(counts.values()), counts))
    return windows


def _of_measure(cells: Mapping[Trait, int], measure: str) -> dict[str, float]:
    return {value: float(units) for (name, value), units in cells.items() if name == measure}


def _looked_at(measure: str, windows: Sequence[Window]) -> Drifted:
    reference = _joined(windows, REFERENCE_UNITS)
    later = [window for window in windows if reference is not None and window.from_us >= reference.until_us]
    current = _joined(list(reversed(later)), CURRENT_UNITS)
    if reference is None or current is None:
        needed = f"{REFERENCE_UNITS} units of the first hours and {CURRENT_UNITS} of later hours are needed"
        return Drifted(measure, None, None, reference, current, needed)
    categories = sorted(reference.counts.keys() | current.counts.keys())
    before, after = (np.array([window.counts.get(name, 0.0) for name in categories]) for window in (reference, current))
    pooled = pooled_rare(before, after)
    size, evidence = population_stability_index(*pooled), chi_square_drift(*pooled)
    if size.value is None or evidence.p_value is None:
        return Drifted(measure, None, None, reference, current, size.reason or evidence.reason)
    return Drifted(measure, size.value, evidence.p_value, reference, current)


def _joined(windows: Sequence[Window], units_min: int) -> Window | None:
    """Return the first of these windows that hold so many units together, as one."""
    taken: list[Window] = []
    for part in windows:
        taken.append(part)
        if sum(window.units for window in taken) >= units_min:
            break
    else:
        return None
    counts: dict[str, float] = {}
    for window in sorted(taken, key=lambda each: each.from_us):
        for name, units in window.counts.items():
            counts[name] = counts.get(name, 0.0) + units
    span = min(each.from_us for each in taken), max(each.until_us for each in taken)
    return Window(*span, sum(each.units for each in taken), counts)


def shown(window: Window) -> dict[str, float]:
    """Return the shares of the most frequent categories of a window."""
    often = sorted(window.counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_MAX]
    return {name: units / window.units for name, units in often}
