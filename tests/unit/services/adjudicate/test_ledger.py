"""What labels were expected to be worth, held against what they were: by the units' own decisions."""

import json
from math import sqrt
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.contracts.ids import placed_id
from services.adjudicate.domain.unit import UnitState
from services.ingest.domain.project import Consensus, Overlap, Policy, Prices
from simulation.house import House
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate import running
from tests.unit.services.adjudicate.running import Adjudicate, start

POLICY = Policy(overlap=Overlap(initial=2, max=6), consensus=Consensus(learn="gold", prices=Prices(0.5, 20, 200)))
SAID = (
    ["yes", "yes", "yes", "yes", "yes", "yes"],
    ["no", "yes", "no", "no", "no", "no"],
    ["yes", "no", "no", "yes", "no", "yes"],
    ["no", "no", "no", "yes", "no", "no"],
    ["yes", "no", "yes", "no", "yes", "no"],
)


async def labelled(found: Adjudicate) -> list[str]:
    """Let units have labels as long as they are asked for, and return the units."""
    units = [placed_id("u", PROJECT, f"n{number}") for number in range(len(SAID))]
    for unit, labels in zip(units, SAID, strict=True):
        await found.upstream.unit(unit)
        for number, label in enumerate(labels, start=1):
            await found.upstream.annotation(unit, number, f"w{number}", label)
        await found.upstream.labelling_ended(unit)
    await found.settle()
    for escalation in (await found.call("GET", "/v1/escalations")).json()["escalations"]:
        ruling = {"label": "no", "reason": "So it is."}
        assert (await found.call("POST", f"/v1/escalations/{escalation['unit_id']}/ruling", ruling)).status == 200
    await found.settle()
    return units


async def spending(found: Adjudicate) -> Any:
    return (await found.call("GET", f"/v1/projects/{PROJECT}/spending", role=Role.CLIENT, client_id="k1")).json()


def by_the_journal(units: list[UnitState]) -> dict[str, Any]:
    """Return the ledger as the units' own states add up to it."""
    bought = [unit.steps for unit in units if unit.steps and unit.steps[0].goes_on]
    expected = [steps[0].cost - steps[0].expected for steps in bought]
    real = [steps[0].cost - steps[-1].cost - (steps[-1].labels - steps[0].labels) for steps in bought]
    gains = [value - other for value, other in zip(real, expected, strict=True)]
    mean = sum(gains) / len(gains)
    half = 1.96 * sqrt(sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1) / len(gains))
    sure = [unit.confidence if unit.status == "consensus" else unit.led_with for unit in units]
    return {
        "units": len(units),
        "labels": sum(len(unit.counted()) for unit in units),
        "certainty": sum(sure) / len(sure),
        "bought": len(bought),
        "expected": sum(expected),
        "real": sum(real),
        "mean": mean,
        "low": mean - half,
    }


def told(found: Any) -> dict[str, Any]:
    ledger = found["ledger"]
    return {
        "units": found["units"],
        "labels": found["labels"],
        "certainty": ledger["certainty"]["value"],
        "bought": ledger["units_bought"],
        "expected": ledger["expected_gain"],
        "real": ledger["real_gain"],
        "mean": ledger["gain_over_expected"]["value"],
        "low": ledger["gain_over_expected"]["low"],
    }


async def test_the_ledger_is_what_the_units_in_the_journal_add_up_to_also_after_tallies_and_a_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.adjudicate.domain.class_shares.TALLY_UNITS", 2)
    monkeypatch.setattr("services.adjudicate.bootstrap.LOOK_SECONDS", 0.01)
    found = await start(House())
    await found.upstream.project(POLICY)
    units = await labelled(found)
    states = list((await found.handlers().repository.units(units)).values())
    wanted = by_the_journal(states)
    assert wanted["units"] == len(SAID), "all are resolved"
    assert 1 < wanted["bought"] < len(SAID) + 1
    assert told(await spending(found)) == pytest.approx(wanted, rel=1e-4)
    await found.kill(found.service)
    await found.join()
    assert told(await spending(found)) == pytest.approx(wanted, rel=1e-4)
    await found.stop()


async def test_each_units_decisions_are_told_and_what_goes_on_is_expected_to_cost_less() -> None:
    found = await start(House())
    await found.upstream.project(POLICY)
    await labelled(found)
    answer = await found.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.CLIENT, client_id="k1")
    lines = [json.loads(line) for line in answer.body.splitlines()]
    decisions = [entry["decisions"] for entry in lines]
    assert len(decisions) == len(SAID)
    for steps, line in zip(decisions, lines, strict=True):
        assert [step["labels"] for step in steps] == list(range(2, len(steps) + 2)), "one a label, from the second"
        assert 2 <= steps[-1]["labels"] <= line["annotations"], "labels on their way to what was escalated still count"
        assert [step["asked"] for step in steps] == [True] * (len(steps) - 1) + [False]
        for step in steps:
            assert (step["expected"] < step["cost"]) == step["asked"]
    await found.stop()


async def test_as_sure_by_a_fixed_overlap_is_told_and_nothing_where_confidence_is_a_share() -> None:
    found = await start(House())
    await found.upstream.project(POLICY)
    await labelled(found)
    ledger = (await spending(found))["ledger"]
    fixed, saved = ledger["fixed_overlap"]["value"], ledger["saved_at_fixed"]["value"]
    assert 1 <= fixed <= 20
    assert saved == pytest.approx(fixed * len(SAID) - (await spending(found))["labels"])
    await found.stop()
    found = await start(House())
    await found.upstream.project(running.voting(2, 5))
    await labelled(found)
    assert (await spending(found))["ledger"] is None
    await found.stop()
