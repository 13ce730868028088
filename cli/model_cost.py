"""What an accepted label costs, by people and by a model: work that was done again and errors that leave among it."""

from typing import NamedTuple


class Prices(NamedTuple):
    """What one of each costs, in whatever currency.

    Attributes:
        error: a wrong label that is used; 0 leaves errors out.
    """

    label: float
    ruling: float
    inspection: float
    output: float
    error: float


class Work(NamedTuple):
    """What a project's accepted labels took, by the events that were counted.

    Attributes:
        accepted: units that left.
        labels: of people, those that were given again after a rejection, gold and late ones among them.
        outputs: labels of models that annotate.
        rulings, inspections: by adjudicators and auditors, those of rejected lots among them.
        error_rate: of what left: value, low, high; None where it is not known.
    """

    accepted: int
    labels: int
    outputs: int
    rulings: int
    inspections: int
    error_rate: tuple[float, float, float] | None


class Row(NamedTuple):
    """What one accepted label costs.

    Attributes:
        by: whose label it is.
        made: to make; `errors` what those that are wrong cost, with the ends of its interval.
    """

    by: str
    made: float
    errors: tuple[float, float, float] | None

    @property
    def whole(self) -> tuple[float, float, float]:
        """Both together."""
        value, low, high = self.errors or (0.0, 0.0, 0.0)
        return self.made + value, self.made + low, self.made + high


def of_people(work: Work, prices: Prices) -> Row | None:
    """Return what a label costs that people gave and audits accepted; None while nothing is accepted.

    made = (labels p_label + outputs p_output + rulings p_ruling + inspections p_inspection) / accepted

    >>> work = Work(100, 260, 0, 10, 40, (0.01, 0.0, 0.03))
    >>> of_people(work, Prices(1.0, 5.0, 5.0, 0.01, 20.0)).whole
    (5.3, 5.1, 5.699999999999999)
    """
    if not work.accepted:
        return None
    spent = work.labels * prices.label + work.outputs * prices.output
    spent += work.rulings * prices.ruling + work.inspections * prices.inspection
    return Row("people", spent / work.accepted, _errors(work.error_rate, prices))


def of_model(name: str, accuracy: tuple[float, float, float] | None, prices: Prices) -> Row:
    """Return what a label costs that a model gives and nobody looks at, by its accuracy on accepted labels.

    >>> of_model("small 1", (0.9, 0.8, 0.95), Prices(1.0, 5.0, 5.0, 0.01, 20.0)).made
    0.01
    """
    wrong = None if accuracy is None else (1.0 - accuracy[0], 1.0 - accuracy[2], 1.0 - accuracy[1])
    return Row(name, prices.output, _errors(wrong, prices))


def _errors(rate: tuple[float, float, float] | None, prices: Prices) -> tuple[float, float, float] | None:
    if rate is None:
        return None
    value, low, high = rate
    return value * prices.error, low * prices.error, high * prices.error
