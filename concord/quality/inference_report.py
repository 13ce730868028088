"""What `infer` prints: sections of text and tables, made from labels and gold and independent of the screen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from concord.quality.agreement import fleiss_kappa, gwet_ac1, kappa_warning, krippendorff_alpha, percent_agreement
from concord.quality.calibration import EDGES
from concord.quality.comparison import MethodResult, compare, expected_accuracies
from concord.quality.competence import accuracy
from concord.quality.dawid_skene import dawid_skene
from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson
from concord.quality.label_counts import LabelCounts
from concord.quality.label_file import LabelRow
from concord.quality.responses import Floats, Indices, Names, Responses, encode, known_classes

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
NUMBERS_MAX = 10
"""More different numbers than this, and nothing but numbers, are hardly names of classes."""


@dataclass(frozen=True, slots=True)
class Section:
    """A title, a table under it, and remarks below.

    Attributes:
        title: what the section shows.
        header: names of the columns; empty where there is no table.
        rows: cells, as many in a row as in the header.
        remarks: sentences.
    """

    title: str
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()


def nominal_report(
    rows: Sequence[LabelRow], gold: Mapping[str, str], confidence: float = 0.95, remarks: tuple[str, ...] = ()
) -> list[Section]:
    """Return the report on labels that are classes: agreement, methods against gold, annotators.

    Classes are the labels of both files together. Agreement takes each annotator's last label on a unit. `remarks`
    on the files are shown with what they hold.

    >>> rows = [LabelRow("ann", "u1", "yes"), LabelRow("bob", "u1", "yes"), LabelRow("ann", "u2", "no")]
    >>> [section.title for section in nominal_report(rows, {"u1": "yes"})]
    ['Labels', 'Agreement', 'Truth inference', 'Stated against right, on gold', 'Annotators, worst first']
    """
    classes = sorted({row.label for row in rows} | set(gold.values()))
    responses, names = encode([(row.annotator, row.item, row.label) for row in rows], classes)
    known = known_classes(gold, names)
    latest = responses.latest()
    counts = _counts(latest, tuple(names.classes))
    coefficients = [
        percent_agreement(counts, confidence=confidence),
        krippendorff_alpha(counts, confidence=confidence),
        fleiss_kappa(counts, confidence=confidence),
        gwet_ac1(counts, confidence=confidence),
    ]
    results = compare(responses, known, confidence)
    return [
        _overview(responses, latest, names, known, (*remarks, *_scale_remark(classes))),
        _agreement(coefficients, kappa_warning(counts)),
        _methods(results),
        *_reliability(results, confidence),
        _annotators(responses, names, known, confidence),
    ]


def interval_report(
    rows: Sequence[LabelRow], gold: Mapping[str, str], confidence: float = 0.95, remarks: tuple[str, ...] = ()
) -> list[Section]:
    """Return the report on labels that are numbers: interval alpha, and correlation of the means with gold.

    >>> rows = [LabelRow(who, unit, value) for who in "ab" for unit, value in (("u1", "1"), ("u2", "5"), ("u3", "2"))]
    >>> interval_report(rows, {"u1": "0", "u2": "4", "u3": "1"})[2].rows
    (('mean of all annotators', '1.0000', '3'),)
    """
    values = sorted({float(row.label) for row in rows})
    responses, names = encode([(row.annotator, row.item, float(row.label)) for row in rows], values)
    known: Floats = np.array([float(gold.get(unit, "nan")) for unit in names.units])
    latest = responses.latest()
    counts = _counts(latest, tuple(values))
    scale: Floats = np.array(values, dtype=np.float64)
    sums = np.bincount(latest.units, scale[latest.labels], latest.unit_count).astype(np.float64)
    number = np.bincount(latest.units, minlength=latest.unit_count).astype(np.float64)
    alphas = [krippendorff_alpha(counts, distance, confidence=confidence) for distance in ("interval", "ordinal")]
    return [
        _overview(responses, latest, names, np.where(np.isnan(known), -1, 0).astype(np.int32), remarks),
        _agreement(alphas, ""),
        _correlation_with_gold(sums / number, known),
        _correlations_with_others(latest, names, scale, sums, number),
    ]


def _scale_remark(classes: Sequence[str]) -> tuple[str, ...]:
    """Return what is to be said where labels that are read as classes look like amounts.

    >>> _scale_remark(["1", "2", "3"]), len(_scale_remark([str(tenth / 10) for tenth in range(100)]))
    ((), 1)
    """
    if len(classes) <= NUMBERS_MAX or not all(NUMBER.fullmatch(name) for name in classes):
        return ()
    remark = (
        f"All labels are numbers, {len(classes)} different ones, and each is read as a class of its own: "
        "if they are amounts, say --scale interval."
    )
    return (remark,)


def _overview(
    responses: Responses, latest: Responses, names: Names, known: Indices, remarks: tuple[str, ...]
) -> Section:
    """Return what the file holds."""
    repeated = len(responses.units) - len(latest.units)
    remark = (
        f"{repeated} labels are repetitions by the same annotator: agreement and the vote take the last one, "
        "the methods of inference take them all."
    )
    return Section(
        "Labels",
        ("labels", "units", "annotators", "classes", "units with gold"),
        (
            (
                str(len(responses.units)),
                str(responses.unit_count),
                str(responses.annotator_count),
                str(len(names.classes)),
                str(int((known >= 0).sum())),
            ),
        ),
        (*remarks, *((remark,) if repeated else ())),
    )


def _agreement(coefficients: Sequence[Estimate], warning: str) -> Section:
    """Return the coefficients with their intervals, and what to beware of."""
    rows = tuple((e.method, *_ends(e), str(e.units)) for e in coefficients)
    reasons = tuple(f"{e.method}: {e.reason}." for e in coefficients if e.reason)
    return Section(
        "Agreement",
        ("coefficient", "value", "low", "high", "units"),
        rows,
        (*reasons, warning) if warning else reasons,
    )


def _methods(results: Sequence[MethodResult]) -> Section:
    """Return how each method of inference does on gold."""
    rows = tuple(
        (
            result.method,
            *_ends(result.accuracy),
            str(result.tied),
            _number(result.confidence),
            _number(result.log_likelihood, digits=2),
            str(result.iterations) if result.iterations else "-",
        )
        for result in results
    )
    header = ("method", "accuracy", "low", "high", "ties", "confidence", "log-likelihood", "iterations")
    remark = "A tie counts as the fraction of its leading classes that is right: one half where two lead."
    missing = results[0].accuracy.reason
    return Section("Truth inference", header, rows, (f"Accuracy: {missing}.",) if missing else (remark,))


def _reliability(results: Sequence[MethodResult], confidence: float) -> list[Section]:
    """Return how sure each method is of units with gold against how many are right; nothing without gold."""
    rows = []
    for result in results:
        for bin_ in result.bins:
            right = wilson(bin_.right, bin_.units, confidence)
            stated = f"{EDGES[bin_.place]:g} and over", str(bin_.units), _number(bin_.stated / bin_.units)
            rows.append((result.method, *stated, *_ends(right)))
    if not rows:
        return []
    header = ("method", "stated", "units", "stated, mean", "right", "low", "high")
    remark = "Right should be what is stated: lower, and the method is too sure of itself. Ties are left out."
    return [Section("Stated against right, on gold", header, tuple(rows), (remark,))]


def _annotators(responses: Responses, names: Names, known: Indices, confidence: float) -> Section:
    """Return annotators from worst to best, by gold where there is gold, else by Dawid-Skene's posteriors."""
    right, answered = _gold_answers(responses, known)
    inferred = expected_accuracies(responses, dawid_skene(responses).posteriors)
    given = np.bincount(responses.annotators, minlength=responses.annotator_count)
    on_gold = [accuracy(int(k), int(n), confidence) for k, n in zip(right, answered, strict=True)]
    worst_first = sorted(
        range(responses.annotator_count),
        key=lambda who: (on_gold[who].value if answered.any() else 0.0, inferred[who], str(names.annotators[who])),
    )
    rows = tuple(
        (
            str(names.annotators[who]),
            str(given[who]),
            f"{right[who]}/{answered[who]}",
            *(_ends(on_gold[who]) if answered[who] else ("-", "-", "-")),
            _number(float(inferred[who])),
        )
        for who in worst_first
    )
    header = ("annotator", "labels", "right on gold", "accuracy", "low", "high", "by Dawid-Skene")
    remark = "Accuracy on gold is a posterior mean under a uniform prior: few answers leave it near one half."
    return Section("Annotators, worst first", header, rows, (remark,) if answered.any() else ())


def _gold_answers(responses: Responses, known: Indices) -> tuple[Indices, Indices]:
    """Return how many labels on units with gold each annotator gave right, and how many at all, shape (A,)."""
    truth = known[responses.units]
    size = responses.annotator_count
    right = np.bincount(responses.annotators[truth == responses.labels], minlength=size)
    answered = np.bincount(responses.annotators[truth >= 0], minlength=size)
    return right.astype(np.int32), answered.astype(np.int32)


def _correlation_with_gold(means: Floats, known: Floats) -> Section:
    """Return Pearson's r of the units' mean labels with gold."""
    both = ~np.isnan(known)
    r = _pearson(means[both], known[both])
    rows = (("mean of all annotators", _number(r), str(int(both.sum()))),)
    remark = () if r is not None else ("r needs three units with gold, and variation in both.",)
    return Section("Correlation with gold", ("estimate", "Pearson r", "units"), rows, remark)


def _correlations_with_others(latest: Responses, names: Names, scale: Floats, sums: Floats, number: Floats) -> Section:
    """Return each annotator's correlation with the mean of the others on the same units, worst first."""
    found: list[tuple[float, tuple[str, ...]]] = []
    for who, name in enumerate(names.annotators):
        mine = latest.annotators == who
        own, units = scale[latest.labels[mine]], latest.units[mine]
        shared = number[units] > 1
        own, units = own[shared], units[shared]
        r = _pearson(own, (sums[units] - own) / (number[units] - 1))
        found.append((-2.0 if r is None else r, (str(name), str(int(mine.sum())), _number(r))))
    rows = tuple(cells for _, cells in sorted(found))
    return Section("Annotators, worst first", ("annotator", "labels", "r with the others' mean"), rows)


def _pearson(x: Floats, y: Floats) -> float | None:
    """Return Pearson's correlation; None with fewer than three pairs or without variation."""
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _counts(latest: Responses, labels: tuple[object, ...]) -> LabelCounts:
    """Return the labels in the form that agreement is computed from."""
    return LabelCounts(latest.votes(), labels, np.ones(latest.unit_count))


def _ends(estimate: Estimate) -> tuple[str, str, str]:
    """Return value, low and high as they are printed."""
    return _number(estimate.value), _number(estimate.low), _number(estimate.high)


def _number(value: float | None, digits: int = 4) -> str:
    """Return a number as it is printed; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"
