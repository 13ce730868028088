"""The claim of Klie et al. 2024 on data that people made: fewer inspections at the same guarantees."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from concord.quality.acceptance import Guarantee, sequential_plan
from concord.quality.audit_effort import audit_effort, percentage_risks, replay

DATA = Path(__file__).parents[3] / "data"


def wrong_majorities(name: str) -> NDArray[np.bool_]:
    """Return for each unit whether its majority label (ties: the smaller label) differs from gold."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    with (DATA / name / "labels.csv").open() as rows:
        for row in csv.DictReader(rows):
            votes[row["item"]][row["label"]] += 1
    with (DATA / name / "gold.csv").open() as rows:
        gold = {row["item"]: row["label"] for row in csv.DictReader(rows)}
    settled = {unit: min(seen, key=lambda label: (-seen[label], label)) for unit, seen in votes.items()}
    return np.array([settled[unit] != label for unit, label in gold.items()])


@pytest.mark.parametrize(
    ("name", "aql", "ltpd"), [("rte", 0.05, 0.10), ("rte", 0.10, 0.16), ("weather_sentiment", 0.05, 0.12)]
)
def test_sequential_audit_saves_a_quarter_or_more_at_the_same_risks(name: str, aql: float, ltpd: float) -> None:
    wrong = wrong_majorities(name)
    guarantee = Guarantee(aql, 0.05, ltpd, 0.10, lot_size=len(wrong))
    effort = audit_effort(guarantee, int(wrong.sum()))
    assert effort.saved_share > 0.25
    assert effort.sequential < effort.single_curtailed < effort.single
    generator = np.random.default_rng(11)
    plan = sequential_plan(guarantee)
    taken = [replay(plan, generator.permutation(wrong).tolist())[1] for _ in range(300)]
    assert np.mean(taken) == pytest.approx(effort.sequential, rel=0.10)


def test_checking_five_percent_keeps_neither_risk() -> None:
    producer, consumer = percentage_risks(Guarantee(0.05, 0.05, 0.10, 0.10, lot_size=800), 0.05)
    assert producer > 0.05
    assert consumer > 0.10


def test_effort_needs_a_lot() -> None:
    stream = Guarantee(0.05, 0.05, 0.10, 0.10)
    with pytest.raises(ValueError, match="known size"):
        audit_effort(stream, 3)
    with pytest.raises(ValueError, match="known size"):
        percentage_risks(stream, 0.05)


def test_replay_of_too_short_a_series_is_refused() -> None:
    with pytest.raises(ValueError, match="ended before"):
        replay(sequential_plan(Guarantee(0.05, 0.05, 0.10, 0.10)), [False])
