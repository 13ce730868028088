"""Units of a project that are closed together out of the columns, by arrays: what they share is counted once.

It is what `sums.close_in` does with rows, and leaves the same behind; a test holds the two against each other.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concord.labels.form import answers_in
from services.metrics.domain.bounded import HOUR_US
from services.metrics.domain.columns import LABEL, NONE, Columns
from services.metrics.domain.pace import DIGITS, count
from services.metrics.domain.sums import ClosedSums, Sums, close_rows
from services.metrics.domain.survey import NO_TRAITS, Survey
from services.metrics.domain.traits import Traits
from services.metrics.domain.unit import (
    GRACE_US,
    LABELLED,
    NO_ROW,
    NOTHING,
    RANK,
    LabelRow,
    Settlement,
    Share,
    label_row,
)
from services.metrics.domain.voices import Voice
from services.metrics.domain.worked import DAY_US, Day

LABELS_MAX = 16
"""Of a unit; one that has more is counted in a row."""

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_BY_RANK: dict[int, Settlement] = {rank: settlement for settlement, rank in RANK.items()}


@dataclass(frozen=True, slots=True)
class Gathered:
    """Units of one project that can be closed by arrays. Of each array a row is a unit, and so is an entry.

    Attributes:
        columns: where they are.
        unit_ids: theirs.
        is_there: of labels, newest first: whether the unit has so many.
        annotator, label, active_ms, at_us, schema_version, guideline_version: of its labels; see `Annotation`.
        labels: how many it has.
        rank: how it stands.
        asked: how many labels were asked for before any was looked at; 0 where that was not told or tells nothing.
        turnaround_seconds: as in `Share`.
        admitted_us, traits: as in `Unit`; zero before it came in.
    """

    columns: Columns
    unit_ids: Sequence[str]
    is_there: Mask
    annotator: Numbers
    label: Numbers
    active_ms: Numbers
    at_us: Numbers
    schema_version: Numbers
    guideline_version: Numbers
    labels: Numbers
    rank: Numbers
    asked: Numbers
    turnaround_seconds: Numbers
    admitted_us: Numbers
    traits: Numbers

    @property
    def asked_of_all(self) -> Iterator[tuple[int, Mask]]:
        """Yield how many labels were asked for at first, and which units have just as many."""
        whole = (self.asked > 0) & (self.labels == self.asked)
        for asked in np.unique(self.asked[whole]).tolist():
            yield asked, whole & (self.asked == asked)


def gathered(columns: Columns, unit_ids: Sequence[str], project_id: str) -> Gathered:
    """Return those of the units that can be closed by arrays: they are done, of this project, and nothing is odd.

    Odd is a label that came twice or too late, two of one annotator, and more than were asked for at first: there it
    matters which came first.

    Args:
        columns: where they are.
        unit_ids: theirs.
        project_id: the project.
    """
    numbers = columns.numbers(unit_ids)
    entries = np.frombuffer(columns.labels_told, dtype=LABEL)
    place = np.frombuffer(columns.newest, dtype=np.int32)[numbers].astype(np.int64)
    places: list[Numbers] = []
    while len(places) < LABELS_MAX and (place != NONE).any():
        places.append(place)
        place = np.where(place != NONE, entries["before"][place], NONE) if len(entries) else place
    at = np.stack(places, axis=1) if places else np.full((len(numbers), 0), NONE)
    is_there, entry = at != NONE, entries[at] if len(entries) else np.zeros(at.shape, dtype=LABEL)
    labels = is_there.sum(axis=1)
    project, traits, admitted_us, asked, rank, settled_asked, accepted_us = (
        np.frombuffer(column, dtype=column.typecode)[numbers].astype(np.int64)
        for column in (
            columns.project,
            columns.traits_of,
            columns.admitted_us,
            columns.asked,
            columns.rank,
            columns.settled_asked,
            columns.accepted_us,
        )
    )
    asked = np.where((rank > 0) & (settled_asked > 0), settled_asked, asked)
    asked[rank == RANK["unanswerable"]] = 0
    latest_us = np.where(is_there, entry["at_us"], 0).max(axis=1, initial=0)
    plain = (
        (project == columns.projects.get(project_id, NONE))
        & (rank >= RANK["consensus"])
        & (place == NONE)
        & _differ(entry["hash"], is_there)
        & _differ(entry["annotator"].astype(np.int64), is_there)
        & ((accepted_us <= 0) | (latest_us <= accepted_us + GRACE_US))
        & ((asked == 0) | (labels <= asked))
    )
    turnaround = np.where((accepted_us != 0) & (admitted_us != 0), np.maximum(0, accepted_us - admitted_us), -1_000_000)
    entry = entry[plain]
    return Gathered(
        columns,
        [unit_id for unit_id, is_plain in zip(unit_ids, plain.tolist(), strict=True) if is_plain],
        is_there[plain],
        entry["annotator"].astype(np.int64),
        entry["label"].astype(np.int64),
        entry["active_ms"].astype(np.int64),
        entry["at_us"].astype(np.int64),
        entry["schema_version"].astype(np.int64),
        entry["guideline_version"].astype(np.int64),
        labels[plain],
        rank[plain],
        asked[plain],
        turnaround[plain] // 1_000_000,
        admitted_us[plain],
        traits[plain],
    )


def _differ(values: Numbers, is_there: Mask) -> Mask:
    """Return of each unit whether no two of its values are the same."""
    # What stands where there is no label differs from its neighbours; if it is by chance a value, the unit has a row.
    ordered = np.sort(np.where(is_there, values, NONE - np.arange(values.shape[1])), axis=1)
    differ: Mask = (ordered[:, 1:] != ordered[:, :-1]).all(axis=1)
    return differ


def close_gathered(sums: Sums, closed: ClosedSums, found: Gathered) -> None:
    """Count units, and let them stay in a project's sums as closed ones, as long as closed rows are kept.

    Args:
        sums: of the project, whose labels read as they were given; the units are not in them.
        closed: what its closed units add.
        found: the units.
    """
    shares = _shares(found)
    turnarounds = Counter([seconds for seconds in found.turnaround_seconds.tolist() if seconds >= 0])
    for share, units in shares.items():
        sums.replace(NOTHING, share, units)
    for seconds, units in turnarounds.items():
        count(sums.turnaround_seconds, seconds, units)
    closed.add_shares(shares, turnarounds)
    _add_paces(sums, closed, found)
    _survey(closed.survey, found)
    rows: Counter[tuple[LabelRow, int]] = Counter()
    for share, units in shares.items():
        if share.row:
            rows[share.row, share.schema_version] += units
    close_rows(sums, closed, rows)


def _shares(found: Gathered) -> Counter[Share]:
    """Return how many units add what, how long they took left out."""
    shares: Counter[Share] = Counter()
    labels, texts = _by_text(found.label, found.columns.labels.texts)
    without_row = np.ones(len(found.rank), dtype=bool)
    for asked, which in found.asked_of_all:
        without_row &= ~which
        versions = _common(found.schema_version[which][:, :asked])
        cells = np.column_stack([found.rank[which], versions, np.sort(labels[which][:, :asked], axis=1)])
        for (rank, version, *row), units in Counter(map(tuple, cells.tolist())).items():
            shares[_share(label_row([texts[label] for label in row]), asked, rank, version)] += units
    cells = np.column_stack([found.rank[without_row], found.labels[without_row]])
    for (rank, given), units in Counter(map(tuple, cells.tolist())).items():
        shares[_share(NO_ROW, given, rank, 1)] += units
    return shares


def _share(row: LabelRow, labels: int, rank: int, version: int) -> Share:
    settlement = _BY_RANK[rank]
    return Share(row, labels, settlement, labels if settlement in LABELLED else 0, -1, version)


def _survey(survey: Survey, found: Gathered) -> None:
    """Add the units to a survey."""
    survey.units += len(found.unit_ids)
    hours = found.admitted_us // HOUR_US
    came_in = np.column_stack([found.traits, hours])[(found.traits > 0) & (found.admitted_us != 0)]
    for (traits, hour), units in Counter(map(tuple, came_in.tolist())).items():
        survey.came_in(_traits(found.columns, traits), hour * HOUR_US, units)
    for asked, which in found.asked_of_all:
        voices = GatheredVoices(found, asked, which)
        aspect = survey.aspect("")
        aspect.add(voices)
        for traits, row, units in voices.suggested():
            aspect.follow(traits.suggested, _labels_of(row), hidden=traits.hidden, units=units)


def _labels_of(row: LabelRow) -> list[str]:
    return [label for label, times in row for _ in range(times)]


class GatheredVoices:
    """The labels of units that were all asked for as often, to be counted as `voices.Voices` are.

    Args:
        found: the units.
        asked: how often.
        which: of the units.
    """

    def __init__(self, found: Gathered, asked: int, which: Mask) -> None:
        columns = found.columns
        self._labels, self._texts = _by_text(found.label[which][:, :asked], columns.labels.texts)
        annotators, self._names = _by_text(found.annotator[which][:, :asked], columns.annotators.texts)
        self._voices = np.sort(annotators * len(self._texts) + self._labels, axis=1)
        kinds, self._kinds = np.unique(found.traits[which], return_inverse=True)
        self._traits = [_traits(columns, number) for number in kinds.tolist()]
        guidelines = _common(found.guideline_version[which][:, :asked])
        hours = found.at_us[which][:, :asked].min(axis=1) // HOUR_US
        cells = np.column_stack([self._kinds, hours, guidelines, np.sort(self._labels, axis=1)])
        self._units = [
            (label_row([self._texts[label] for label in row]), self._traits[kind], hour, guideline, units)
            for (kind, hour, guideline, *row), units in Counter(map(tuple, cells.tolist())).items()
        ]

    def people(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield each annotator, slice and label, and how often they gave it there."""
        kinds = len(self._traits)
        cells, times = np.unique(self._voices * kinds + self._kinds[:, None], return_counts=True)
        for cell, given in zip(cells.tolist(), times.tolist(), strict=True):
            voice, kind = divmod(cell, kinds)
            annotator, label = self._voice(voice)
            yield annotator, self._traits[kind].stratum, label, given

    def pairs(self) -> Iterator[tuple[Voice, Voice, int]]:
        """Yield each two voices on one unit, by name, and how often they met."""
        every = len(self._names) * len(self._texts)
        first, second = np.triu_indices(self._voices.shape[1], 1)
        cells, times = np.unique(self._voices[:, first] * every + self._voices[:, second], return_counts=True)
        voices = {voice: self._voice(voice) for voice in np.unique(self._voices).tolist()}
        for cell, met in zip(cells.tolist(), times.tolist(), strict=True):
            voice, other = divmod(cell, every)
            yield voices[voice], voices[other], met

    def units(self) -> Iterator[tuple[LabelRow, str, int, int, int]]:
        """Yield labels of a unit, its slice, its hour since the epoch, its guideline, and how many units have these."""
        for row, traits, hour, guideline, units in self._units:
            yield row, traits.stratum, hour, guideline, units

    def suggested(self) -> Iterator[tuple[Traits, LabelRow, int]]:
        """Yield what units are known by that came with a suggestion, their labels, and how many have these."""
        for row, traits, _, _, units in self._units:
            if traits.suggested and answers_in(traits.suggested) is None:
                yield traits, row, units

    def _voice(self, voice: int) -> Voice:
        annotator, label = divmod(voice, len(self._texts))
        return self._names[annotator], self._texts[label]


def _traits(columns: Columns, number: int) -> Traits:
    return columns.traits[number] or NO_TRAITS


def _common(versions: Numbers) -> Numbers:
    """Return of each unit the version that all of its labels have; 0 where they have several."""
    return np.where((versions == versions[:, :1]).all(axis=1), versions[:, 0], 0)


def _by_text(numbers: Numbers, texts: Sequence[str]) -> tuple[Numbers, list[str]]:
    """Return numbers of texts as places in those that occur, in the order of their texts; and these."""
    distinct, places = np.unique(numbers, return_inverse=True)
    found = [texts[number] for number in distinct.tolist()]
    order = sorted(range(len(found)), key=found.__getitem__)
    ranks = np.empty(len(found), dtype=np.int64)
    ranks[order] = np.arange(len(found))
    return ranks[places].reshape(numbers.shape), [found[number] for number in order]


def _add_paces(sums: Sums, closed: ClosedSums, found: Gathered) -> None:
    """Count the units' labels towards the pace and the days of those who gave them."""
    people, active_ms, at_us = (column[found.is_there] for column in (found.annotator, found.active_ms, found.at_us))
    if not len(people):
        return
    newest_us = int(at_us.max())
    sums.newest_us, closed.newest_us = max(sums.newest_us, newest_us), max(closed.newest_us, newest_us)
    names, days = found.columns.annotators.texts, _days(people, active_ms, at_us)
    # One after another by annotator, and of each by how long a label took.
    cells, times = np.unique(people << 32 | _rounded(active_ms), return_counts=True)
    who, begins = np.unique(cells >> 32, return_index=True)
    places = (cells & 0xFFFFFFFF).tolist()
    for number, begin, end in zip(who.tolist(), begins.tolist(), [*begins[1:].tolist(), len(places)], strict=True):
        took = dict(zip(places[begin:end], times[begin:end].tolist(), strict=True))
        sums.standing(names[number]).paced(took)
        closed.pace(names[number]).add(took, days[number])


def _rounded(active_ms: Numbers) -> Numbers:
    """Return times as `pace.rounded` does."""
    unit, bound, found, longest = 1, DIGITS, active_ms, int(active_ms.max())
    while longest >= bound:
        unit, bound = 10 * unit, 10 * bound
        found = np.where(active_ms >= bound // 10, active_ms - active_ms % unit, found)
    return found


def _days(people: Numbers, active_ms: Numbers, at_us: Numbers) -> Mapping[int, Mapping[int, Day]]:
    """Return what each did on which day."""
    days, day_of = np.unique(at_us // DAY_US, return_inverse=True)
    cells, cell_of, labels = np.unique(people * len(days) + day_of, return_inverse=True, return_counts=True)
    timed = np.bincount(cell_of[active_ms > 0], minlength=len(cells))
    took = np.bincount(cell_of, active_ms, len(cells)).astype(np.int64)  # a double is exact up to 2^53 of them
    found: dict[int, dict[int, Day]] = {}
    for cell, given, with_time, together in zip(
        cells.tolist(), labels.tolist(), timed.tolist(), took.tolist(), strict=True
    ):
        number, day = divmod(cell, len(days))
        found.setdefault(number, {})[int(days[day])] = Day(given, given - with_time, together)
    return found
