"""Unitizing alpha: agreement of annotators who choose both where a span lies and what it is called."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from concord.quality.estimate import Estimate, undefined
from concord.quality.linearised import student_interval

Floats = NDArray[np.float64]
Span = tuple[int, int, Hashable]
"""Begin, end (exclusive) and label of a span, in whole characters, tokens or time steps."""


@dataclass(frozen=True, slots=True)
class Continuum:
    """One text or recording with the spans that each annotator marked in it.

    Attributes:
        length: number of characters, tokens or steps, at least 1.
        spans: annotator -> spans; an annotator who looked and marked nothing is there with no span.

    Spans of one annotator with one label may not overlap; spans of different labels may.
    """

    length: int
    spans: Mapping[str, Sequence[Span]]

    def __post_init__(self) -> None:
        """Refuse spans that leave the continuum or overlap another of the same annotator and label."""
        if self.length < 1:
            raise ValueError(f"a continuum needs a length of 1 or more, not {self.length}")
        for annotator, spans in self.spans.items():
            for begin, end, label in spans:
                if not 0 <= begin < end <= self.length:
                    raise ValueError(f"{annotator}: span {begin}..{end} of {label!r} does not lie in 0..{self.length}")
            by_place = sorted((str(label), begin, end) for begin, end, label in spans)
            for (label, _, end), (next_label, begin, _) in pairwise(by_place):
                if label == next_label and begin < end:
                    raise ValueError(f"{annotator}: two spans of {label!r} overlap at {begin}; merge them")


def unitizing_alpha(continua: Continuum | Sequence[Continuum], *, confidence: float = 0.95) -> Estimate:
    """Krippendorff's αU: agreement on the places and labels of spans beyond chance.

        αU = 1 - Σ_c Do_c / Σ_c De_c

    For each label c every annotator's continuum is cut into spans and gaps. Do_c sums over all pairs of
    annotators (b - b')² + (e - e')² of spans that overlap, and the squared length of a span that lies in the
    other's gap, over m (m - 1) L²; De_c is its expectation when all spans and gaps are shuffled. Several
    continua are laid end to end; each must have been seen by the same annotators (ValueError if not).

    `units` is the number of continua, and the interval the delete-one jackknife over them; a single one has
    none. Not defined with fewer than two annotators or when nobody marked a span.
    Source: Krippendorff 1995, Sociological Methodology 25:47; Krippendorff 2004, Quality & Quantity 38:787.

    >>> i = [(75, 145, "c"), (220, 250, "c"), (30, 90, "k"), (150, 200, "k")]
    >>> j = [(70, 150, "c"), (205, 225, "c"), (250, 270, "c"), (30, 90, "k"), (150, 200, "k")]
    >>> round(unitizing_alpha(Continuum(300, {"i": i, "j": j})).value, 4)
    0.8587
    """
    texts = [continua] if isinstance(continua, Continuum) else list(continua)
    method = "unitizing alpha αU (Krippendorff 1995), jackknife interval over continua"
    annotators = sorted(texts[0].spans) if texts else []
    if any(sorted(text.spans) != annotators for text in texts):
        raise ValueError("every continuum needs the same annotators; leave out those who did not see all")
    if len(annotators) < 2:
        return undefined("fewer than two annotators looked for spans", len(texts), method)
    value = _alpha(texts, annotators)
    if value is None:
        return undefined("nobody marked a span", len(texts), method)
    if len(texts) < 2:
        return Estimate(value, None, None, 1, method, "one continuum shows no spread to make an interval of")
    without_one = [_alpha(texts[:i] + texts[i + 1 :], annotators) for i in range(len(texts))]
    kept = np.array([v for v in without_one if v is not None])
    if len(kept) < len(texts):
        reason = "all spans lie in one continuum: without it nothing is left to compare"
        return Estimate(value, None, None, len(texts), method, reason)
    n = len(texts)
    error = sqrt((n - 1) / n * float(((kept - kept.mean()) ** 2).sum()))
    low, high = student_interval(value, error, n - 1, confidence)
    return Estimate(value, low, high, n, method)


def disagreements(continuum: Continuum, label: Hashable) -> tuple[float, float]:
    """Return Do_c and De_c of one label in one continuum; see `unitizing_alpha`.

    >>> text = Continuum(300, {"i": [(75, 145, "c"), (220, 250, "c")],
    ...                        "j": [(70, 150, "c"), (205, 225, "c"), (250, 270, "c")]})
    >>> [round(d, 4) for d in disagreements(text, "c")]
    [0.0144, 0.0532]
    """
    annotators = sorted(continuum.spans)
    parts = [_cut(continuum, annotator, label) for annotator in annotators]
    length, m = float(continuum.length), len(annotators)
    return _observed(parts) / (m * (m - 1) * length**2), _expected(parts, length)


def _alpha(texts: Sequence[Continuum], annotators: Sequence[str]) -> float | None:
    whole = _end_to_end(texts, annotators)
    labels = {label for spans in whole.spans.values() for _, _, label in spans}
    both = [disagreements(whole, label) for label in sorted(labels, key=repr)]
    expected = sum(e for _, e in both)
    return 1 - sum(o for o, _ in both) / expected if expected > 0 else None


def _end_to_end(texts: Sequence[Continuum], annotators: Sequence[str]) -> Continuum:
    starts = list(accumulate((text.length for text in texts), initial=0))
    spans = {
        annotator: [
            (begin + start, end + start, label)
            for start, text in zip(starts, texts, strict=False)
            for begin, end, label in text.spans[annotator]
        ]
        for annotator in annotators
    }
    return Continuum(starts[-1], spans)


def _cut(continuum: Continuum, annotator: str, label: Hashable) -> tuple[Floats, Floats]:
    """Return (begin, end) of the annotator's spans with this label and of the gaps between, shapes (s, 2), (g, 2)."""
    spans = sorted((begin, end) for begin, end, given in continuum.spans[annotator] if given == label)
    edges = [0, *(edge for span in spans for edge in span), continuum.length]
    gaps = [(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True) if begin < end]
    return np.array(spans, dtype=float).reshape(-1, 2), np.array(gaps, dtype=float).reshape(-1, 2)


def _observed(parts: Sequence[tuple[Floats, Floats]]) -> float:
    """Sum δ² over all ordered pairs of annotators, unnormalised."""
    total = 0.0
    for i, (spans, _) in enumerate(parts):
        for j, (others, gaps) in enumerate(parts):
            if i == j or not len(spans):
                continue
            begins, ends = spans[:, :1], spans[:, 1:]
            meets = (begins < others[:, 1]) & (others[:, 0] < ends)
            apart = (begins - others[:, 0]) ** 2 + (ends - others[:, 1]) ** 2
            total += float(apart[meets].sum())
            lost = ((gaps[:, 0] <= begins) & (ends <= gaps[:, 1])).any(axis=1)
            # A span in a gap and a gap around a span are two ordered pairs; each annotator's turn counts one.
            total += 2 * float(((ends - begins)[lost] ** 2).sum())
    return total


def _expected(parts: Sequence[tuple[Floats, Floats]], length: float) -> float:
    """Return De_c: the mean δ² when every annotator's spans and gaps of this label are shuffled together."""
    spans = np.concatenate([spans[:, 1] - spans[:, 0] for spans, _ in parts])
    gaps = np.sort(np.concatenate([gaps[:, 1] - gaps[:, 0] for _, gaps in parts]))
    overlap = (len(spans) - 1) / 3 * (2 * spans**3 - 3 * spans**2 + spans)
    # Room for a span in the gaps that can hold it: Σ (gap - span + 1) over gaps at least as long.
    first = np.searchsorted(gaps, spans)
    longer = np.concatenate([[0.0], gaps.cumsum()])
    room = longer[-1] - longer[first] - (len(gaps) - first) * (spans - 1)
    over = 2 / length * float((overlap + spans**2 * room).sum())
    everywhere = len(parts) * length
    under = everywhere * (everywhere - 1) - float((spans * (spans - 1)).sum())
    return over / under if under > 0 else 0.0
