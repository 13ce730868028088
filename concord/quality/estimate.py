"""What every statistic returns: a value with its interval, or the reason why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its interval and the evidence behind it.

    Attributes:
        value: the point estimate; None where the statistic is not defined, never 1, 0 or NaN in its place.
        low: lower end of the interval; None where no interval can be given.
        high: upper end of the interval; None where no interval can be given.
        units: number of units the estimate rests on.
        method: the coefficient and how its interval was made, as a reader would cite it.
        reason: why the value or the interval is missing, as a sentence; empty when both are there.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int
    method: str
    reason: str = ""

    def __post_init__(self) -> None:
        """Hold the invariant: a missing value has a reason, a present interval encloses a present value."""
        if self.value is None and not self.reason:
            raise ValueError("an estimate without a value must say why")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"interval turned round: {self.low} > {self.high}")


def undefined(reason: str, units: int, method: str) -> Estimate:
    """Return the estimate of a statistic that these data do not define."""
    return Estimate(None, None, None, units, method, reason)
