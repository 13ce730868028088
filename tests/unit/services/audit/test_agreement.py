"""Agreement on a certificate: what it is measured on, what it comes to, and that its cost is bounded."""

import json
import random
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from concord.labels import schema_from
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import count_labels
from services.audit.domain import agreement as measured
from services.audit.domain.agreement import agreement, compared

SECRET = b"secret of a test"


@dataclass
class Far:
    """A kind without a named metric, which counts how often it is asked."""

    alpha_metric: ClassVar[None] = None
    asked: list[int] = field(default_factory=lambda: [0])

    def distance(self, entry: Any, other: Any) -> float:
        self.asked[0] += 1
        return abs(float(entry) - float(other))


def town(units: int, seed: int = 7) -> list[list[str]]:
    generator = random.Random(seed)
    truths = [generator.random() for _ in range(units)]
    return [[json.dumps(min(1.0, max(0.0, truth + generator.gauss(0, 0.1)))) for _ in "ab"] for truth in truths]


def test_the_cost_is_the_same_for_a_lot_of_three_hundred_and_of_five_thousand() -> None:
    asked = []
    for units in (300, 5_000):
        schema: Any = Far()
        taken = compared([f"u{place}" for place in range(units)], schema, SECRET)
        agreement([labels for place, labels in enumerate(town(units)) if f"u{place}" in taken], schema)
        asked.append(schema.asked[0])
    assert max(asked) <= measured.PAIRS_MAX + measured.UNITS_MAX
    assert min(asked) > measured.PAIRS_MAX * 0.9, "equal labels need no comparison, and there are few"


@pytest.mark.parametrize("units", [4, 38, 300])
def test_pairs_that_were_drawn_come_close_to_all_of_them(units: int) -> None:
    schema: Any = Far()
    labels = town(units)
    sampled = agreement(labels, schema)
    whole = krippendorff_alpha(count_labels(labels), lambda entry, other: abs(float(entry) - float(other)))
    assert sampled.value is not None
    assert whole.value is not None
    assert sampled.low is not None
    assert sampled.high is not None
    # A lot of 38 has all its pairs compared; of 300 units one in sixty pairs is.
    assert sampled.value == pytest.approx(whole.value, abs=1e-9 if units <= 38 else 0.03)
    assert sampled.low < whole.value < sampled.high


def test_labels_that_are_too_large_to_be_compared_are_told_and_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "CELLS_MAX", 10)
    schema: Any = Far()
    found = agreement(town(5), schema)
    assert (found.value, schema.asked[0]) == (None, 0)
    assert "too large" in found.reason


@pytest.mark.parametrize(
    ("spec", "labels"),
    [
        ({"kind": "preference"}, [{"prefer": "a", "strength": 1}, {"prefer": "b", "strength": 1}]),
        ({"kind": "rating", "lowest": 1, "highest": 12}, [2, 10]),
        ({"kind": "number", "low": 0, "high": 1}, [0.25, 1]),
        ({"kind": "choice", "classes": ["no", "yes"]}, ["no", "yes"]),
        ({"kind": "text"}, ["one", "two"]),
    ],
)
def test_every_kind_has_its_agreement(spec: Any, labels: list[Any]) -> None:
    schema = schema_from(spec)
    text, other = (json.dumps(schema.canonical(label), sort_keys=True, separators=(",", ":")) for label in labels)
    assert agreement([[text, text], [other, other], [text, text]], schema).value == pytest.approx(1.0)
    mixed = agreement([[text, text], [other, other], [text, other], [text, text]], schema)
    assert mixed.value is not None
    assert mixed.value < 1


@pytest.mark.parametrize("units", [[], [['"yes"']], [[], ['"no"']]])
def test_without_two_labels_of_a_unit_there_is_no_agreement(units: list[list[str]]) -> None:
    assert agreement(units, schema_from({"kind": "choice", "classes": ["no", "yes"]})).value is None


def test_one_unit_has_no_interval() -> None:
    schema: Any = Far()
    found = agreement([["0", "1"]], schema)
    assert found.value == pytest.approx(0.0)
    assert found.low is None
