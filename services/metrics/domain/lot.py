"""One lot as metrics sees it: which units are in it, and what became of it."""

import msgspec

from concord.quality.estimate import Estimate, undefined
from concord.quality.intervals import lot_count

METHOD = "label error rate of what left, errors found put right"


class Acceptance(msgspec.Struct, frozen=True, array_like=True):
    """What a lot was accepted on."""

    at_us: int
    rework: int
    inspected: int
    errors: int


class LotSums(msgspec.Struct, frozen=True, array_like=True):
    """What lots add up to.

    Attributes:
        rejections: a lot that is rejected twice counts twice.
        units, inspected, errors: of the accepted lots.
    """

    sealed: int = 0
    accepted: int = 0
    rejections: int = 0
    units: int = 0
    inspected: int = 0
    errors: int = 0

    def plus(self, other: "LotSums", times: int = 1) -> "LotSums":
        """Return the sum; with `times` -1 the difference.

        >>> LotSums(sealed=2).plus(LotSums(sealed=1), -1).sealed
        1
        """
        return LotSums(
            self.sealed + times * other.sealed,
            self.accepted + times * other.accepted,
            self.rejections + times * other.rejections,
            self.units + times * other.units,
            self.inspected + times * other.inspected,
            self.errors + times * other.errors,
        )


class Lot(msgspec.Struct, array_like=True):
    """One lot's row; changed in place.

    Attributes:
        units: how many are in it; known once it is sealed.
        unit_ids: which; forgotten once they are closed.
        rejections: the reworks at which it was rejected.
        counted: what it adds to the sums now; the bookkeeper's own mark, and no part of the facts.
    """

    project_id: str = ""
    units: int = 0
    unit_ids: tuple[str, ...] = ()
    rejections: tuple[int, ...] = ()
    acceptance: Acceptance | None = None
    counted: LotSums = LotSums()


def rejected(lot: Lot, rework: int) -> None:
    """Hear that the lot was rejected."""
    if rework not in lot.rejections:
        lot.rejections = tuple(sorted((*lot.rejections, rework)))


def lot_share(lot: Lot) -> LotSums:
    """Return what the lot adds."""
    sealed, rejections = int(lot.units > 0), len(lot.rejections)
    if lot.acceptance is None:
        return LotSums(sealed, 0, rejections)
    inspected, errors = lot.acceptance.inspected, lot.acceptance.errors
    # An acceptance may be heard of before the seal; then what was inspected is all that is known of the lot.
    return LotSums(sealed, 1, rejections, max(lot.units, inspected), inspected, errors)


def label_error_rate(sums: LotSums) -> Estimate:
    """Return the share of wrong labels in all that was accepted, the lots taken as one.

    With E wrong labels in all accepted lots (hypergeometric interval over the pooled samples) of which `errors`
    were found and put right, (E - errors) / units left.

    >>> round(label_error_rate(LotSums(accepted=1, units=100, inspected=50, errors=1)).value, 3)
    0.01
    """
    if not sums.inspected:
        return undefined("no lot was accepted yet", 0, METHOD)
    whole = lot_count(sums.errors, sums.inspected, sums.units)
    assert whole.value is not None
    low = whole.low if whole.low is not None else float(sums.errors)
    high = whole.high if whole.high is not None else float(sums.units)
    value, low, high = ((count - sums.errors) / sums.units for count in (whole.value, low, high))
    return Estimate(value, min(low, value), max(high, value), sums.inspected, METHOD)
