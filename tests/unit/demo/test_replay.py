"""The replay without a stack comes to what the services come to."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from concord.contracts.topics import RESOLUTIONS
from demo.__main__ import main
from demo.dataset import Dataset, read
from demo.policy import definition, gold_items, in_turns
from demo.replay import KEYS, LOWER_IS_WORSE, figures_of, over_seeds, replay
from services.adjudicate.domain import class_shares
from services.adjudicate.domain.unit import UnitState
from services.ingest.domain.project import Definition
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate
from tests.unit.services.adjudicate.running import start as start_adjudicate
from tests.unit.services.metrics.running import start as start_metrics

ROOT = Path(__file__).parents[3]
RTE = ROOT / "demo" / "data" / "rte"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ITEMS = 150
TURN_UNITS = 40


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """The first items of the real data set."""
    whole = read(RTE)
    items = dict(list(whole.items.items())[:ITEMS])
    answers = {item: whole.answers[item] for item in items}
    return Dataset("some", items, answers, {item: whole.gold[item] for item in items}, whole.classes)


async def test_metrics_and_adjudicate_over_memory_ports_decide_every_unit_as_the_replay_does(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gold is counted by metrics, told, learnt by adjudicate; then each unit's people are asked in metrics' order.

    Where it is in doubt an adjudicator rules, and adjudicate learns of every turn of units before the next comes in.
    """
    monkeypatch.setattr(class_shares, "TALLY_UNITS", TURN_UNITS)
    found, house = replay(dataset, seed=1), House()
    metrics, adjudicate = await start_metrics(house), await start_adjudicate(house)
    upstream = adjudicate.upstream
    policy = msgspec.convert(definition(dataset.classes), Definition).policy
    await upstream.project(policy, classes=dataset.classes, revision=9)
    gold = gold_items(list(dataset.items), 1)
    expected = 0
    for item in gold:
        await upstream.unit(f"k1-utb{item}", gold=dataset.gold[item])
        for number, answer in enumerate(dataset.answers[item], start=1):
            await upstream.annotation(f"k1-utb{item}", number, answer.annotator, answer.label)
            expected += 1
    crowd = adjudicate.handlers().repository.crowd
    await until(lambda: crowd(PROJECT).gold_answers == expected)
    assert crowd(PROJECT).dependence == found.crowd.dependence.rho
    await adjudicate.settle()
    ranked = {who: row["expected_accuracy"] for who, row in (await metrics.annotators()).items()}
    shares = adjudicate.handlers().repository.view(PROJECT).shares
    for turn in in_turns(list(found.units)):
        before = shares.tallied_until_us
        for item in turn:
            await _labelled(adjudicate, dataset, item, found.units[item], ranked)
        await adjudicate.settle()
        await until(lambda: not shares.due(0))
        assert (shares.tallied_until_us > before) == (len(turn) == TURN_UNITS)
    body = {}
    for event in house.events(RESOLUTIONS):
        kind = event.WhichOneof("event")
        if kind in ("consensus_reached", "escalated"):
            unit = getattr(event, kind)
            body[unit.unit_id.removeprefix("k1-utb")] = (kind, unit.confidence, len(unit.evidence))
    words = {"consensus": "consensus_reached", "escalated": "escalated"}
    wanted = {
        item: (words[unit.status], pytest.approx(unit.confidence, abs=1e-9), len(unit.counted()))
        for item, unit in found.units.items()
    }
    assert body == wanted
    await adjudicate.stop()
    await metrics.service.runtime.stop()


async def _labelled(
    adjudicate: Adjudicate, dataset: Dataset, item: str, unit: UnitState, ranked: Mapping[str, float]
) -> None:
    """Let as many of an item's people say what they said as the replay asked, and rule where they do not agree."""
    unit_id, upstream = f"k1-utb{item}", adjudicate.upstream
    people = sorted(dataset.answers[item], key=lambda entry: -ranked.get(entry.annotator, 0.0))
    await upstream.unit(unit_id, named=[person.annotator for person in people])
    for number, answer in enumerate(people[: len(unit.counted())], start=1):
        await upstream.annotation(unit_id, number, answer.annotator, answer.label)
    if unit.status == "escalated":
        await upstream.labelling_ended(unit_id)
        await adjudicate.settle()
        ruling = {"label": dataset.gold[item], "reason": "as the gold label says"}
        ruled = await adjudicate.call("POST", f"/v1/escalations/{unit_id}/ruling", ruling)
        assert ruled.status == 200


def test_learning_from_resolved_units_moves_what_is_weighed_later(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_shares, "TALLY_UNITS", TURN_UNITS)
    learnt = replay(dataset, seed=1).units
    monkeypatch.setattr(class_shares, "TALLY_UNITS", 2 * ITEMS)
    unlearnt = replay(dataset, seed=1).units
    first, rest = list(learnt)[:TURN_UNITS], list(learnt)[TURN_UNITS:]
    assert [learnt[item] for item in first] == [unlearnt[item] for item in first]
    assert sum(learnt[item].confidence != unlearnt[item].confidence for item in rest) > len(rest) / 2


def test_a_seed_comes_to_the_same_every_time_and_another_to_something_else(dataset: Dataset) -> None:
    first, again, other = (figures_of(dataset, replay(dataset, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_the_bars_of_the_real_crowd_hold_over_ten_choices_of_gold() -> None:
    body = over_seeds(read(RTE), 10)
    assert body["consensus_accuracy"]["mean"] >= 0.927
    assert body["consensus_accuracy"]["worst"] > 0.8969 - 0.005, "none ends below the majority of all labels"
    assert body["labels_per_unit_without_gold"]["mean"] <= 3.7
    assert abs(body["confidence_gap"]["mean"]) < 0.025
    assert abs(body["confidence_gap"]["worst"]) < 0.045


def test_prices_come_to_less_than_a_threshold_does_by_the_same_prices() -> None:
    """A label at 1, a ruling at 20, an error left at 200: over three choices of gold, all of it that is not gold."""
    whole, costs = read(RTE), {}
    for prices in ((), (1.0, 20.0, 200.0)):
        mean = {key: entry["mean"] for key, entry in over_seeds(whole, 3, prices).items()}
        wrong = 1.0 - mean["resolved_accuracy"]
        costs[prices] = mean["labels_per_unit_without_gold"] + 20.0 * mean["escalated_share"] + 200.0 * wrong
    assert costs[1.0, 20.0, 200.0] < 0.9 * costs[()]


def test_an_item_with_few_people_is_given_up_at_its_own_number_and_lowers_nobody_elses(dataset: Dataset) -> None:
    few, *rest = [item for item in dataset.items if item not in set(gold_items(list(dataset.items), 1))]
    answers = {**dataset.answers, few: dataset.answers[few][:1]}
    found = replay(Dataset("some", dataset.items, answers, dataset.gold, dataset.classes), 1)
    assert (found.units[few].status, len(found.units[few].counted())) == ("escalated", 1)
    assert max(len(found.units[item].counted()) for item in rest) == 10


def test_mean_and_worst_are_printed_and_written(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    ran = CliRunner().invoke(main, ["--seeds", "2", "--json", str(file)])
    assert ran.exit_code == 0
    body = json.loads(file.read_text())["seeds"]
    assert list(body) == list(KEYS)
    for key, entry in body.items():
        assert set(entry) == {"mean", "worst"}
        if key in LOWER_IS_WORSE:
            assert entry["worst"] <= entry["mean"]
    assert "2 choices of gold" in ran.output


def test_the_readme_prints_what_a_replay_comes_to() -> None:
    dataset = read(RTE)
    found = replay(dataset, seed=1)
    entry, units = figures_of(dataset, found), len(found.units)
    ruled = round(entry["escalated_share"] * units)
    gold = sum(len(dataset.answers[item]) for item in gold_items(list(dataset.items), 1))
    labels = round(entry["labels_per_unit_without_gold"] * units) + gold
    saved = f"{1 - labels / 8000:.1%}; {labels / len(dataset.items):.2f}"
    for row in (
        f"annotations                            {labels} of the 8000 in the data set",
        f"labels saved by adaptive overlap       {saved} labels a unit",
        f"resolved by consensus, by adjudication {units - ruled}, {ruled}",
        f"escalated                              {entry['escalated_share']:.1%}",
        f"accuracy: consensus, before rulings    {entry['consensus_accuracy']:.4f}",
        f"accuracy: resolved, after rulings      {entry['resolved_accuracy']:.4f}",
    ):
        assert row in README
