"""Adjudicate by what things cost: labels as long as they are worth it, and what they were spent on."""

from typing import Any

import pytest

from concord.chassis.identity import Role
from services.ingest.domain.project import Consensus, Overlap, Policy, Prices
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate import running
from tests.unit.services.adjudicate.running import Adjudicate, start


def priced(label: float, decision: float, error: float) -> Policy:
    prices = Prices(label, decision, error)
    return Policy(overlap=Overlap(initial=2, max=6), consensus=Consensus(learn="gold", prices=prices))


async def said(found: Adjudicate, unit_id: str, *labels: str) -> list[str]:
    """Return what is decided of a unit as these labels come in."""
    await found.upstream.unit(unit_id)
    for number, label in enumerate(labels, start=1):
        await found.upstream.annotation(unit_id, number, f"w{number}", label)
    return [kind for unit, kind in await found.decisions() if unit == unit_id]


@pytest.mark.parametrize(
    ("policy", "verdicts"),
    [
        pytest.param(priced(1, 20, 100), ["consensus_reached"], id="two that agree are enough"),
        pytest.param(priced(0.01, 1_000, 100), ["overlap_requested"], id="a label costs next to nothing"),
        pytest.param(priced(1, 1, 100), ["escalated"], id="a ruling costs no more than a label"),
        pytest.param(priced(50, 30, 1_000), ["escalated"], id="a label costs more than a ruling"),
    ],
)
async def test_two_labels_that_agree_are_settled_asked_beyond_or_ruled_by_what_each_costs(
    policy: Policy, verdicts: list[str]
) -> None:
    found = await start(House())
    await found.upstream.project(policy)
    assert await said(found, "k1-utb1", "yes", "yes") == verdicts
    if verdicts == ["escalated"]:
        (event,) = found.events()
        assert event.escalated.reason == "price"
    await found.stop()


async def test_with_prices_a_unit_is_settled_from_where_an_error_costs_no_more_than_a_ruling_and_no_label_helps() -> (
    None
):
    """Two at .8 are .91 sure of two classes, enough for .9; by these prices a third and a fourth are worth it."""
    found = await start(House())
    await found.upstream.project(priced(0.05, 100, 1_000), classes=["yes", "no"])
    assert await said(found, "k1-utb1", "yes", "yes") == ["overlap_requested"]
    assert await said(found, "k1-utb2", "yes", "yes", "yes", "yes") == [
        "overlap_requested",
        "overlap_requested",
        "consensus_reached",
    ]
    await found.stop()


async def defined(policy: Policy) -> Adjudicate:
    """Return an adjudicate that has heard of the project."""
    found = await start(House())
    await found.upstream.project(policy)
    projects = found.handlers().projects
    await until(lambda: PROJECT in projects.rows)
    return found


async def shown(found: Adjudicate, role: Role = Role.OPERATOR) -> Any:
    await found.settle()
    return (await found.call("GET", f"/v1/projects/{PROJECT}/spending", role=role)).json()


async def test_labels_are_told_as_spent_and_saved_by_why_no_more_were_asked_for_across_a_start() -> None:
    found = await defined(running.voting(2, 5, 0.6))
    empty = await shown(found)
    assert (empty["units"], empty["saved_share"], empty["reasons"]) == (0, None, [])
    await said(found, "k1-utb1", "yes", "yes")
    await said(found, "k1-utb2", "yes", "no", "yes")
    await found.escalate("k1-utb3", "yes", "no")
    assert (await shown(found))["units"] == 2, "what waits for a ruling is not resolved"
    ruling = {"label": "no", "reason": "The text says so."}
    assert (await found.call("POST", "/v1/escalations/k1-utb3/ruling", ruling)).status == 200
    said_now = await shown(found)
    assert said_now == {
        "units": 3,
        "labels": 7,
        "labels_fixed": 15,
        "labels_saved": 8,
        "saved_share": pytest.approx(8 / 15),
        "reasons": [
            {"reason": "agreed", "units": 1, "labels": 2, "labels_saved": 3},
            {"reason": "weighed", "units": 1, "labels": 3, "labels_saved": 2},
            {"reason": "flagged", "units": 1, "labels": 2, "labels_saved": 3},
        ],
        "ledger": None,
    }
    await found.kill(found.service)
    await found.join()
    assert await shown(found) == said_now
    await found.stop()


async def test_what_was_spent_goes_on_adding_up_when_old_tallies_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.adjudicate.domain.class_shares.TALLY_UNITS", 2)
    monkeypatch.setattr("services.adjudicate.domain.class_shares.SETTLED_UNITS_MAX", 2)
    monkeypatch.setattr("services.adjudicate.bootstrap.LOOK_SECONDS", 0.01)
    found = await start(House())
    await found.upstream.project(running.voting(2, 5, 0.6))
    for number in range(9):
        await said(found, f"k1-utb{number}", "yes", "yes")
    assert (await shown(found))["labels_saved"] == 27
    await found.kill(found.service)
    await found.join()
    assert (await shown(found))["labels_saved"] == 27
    await found.stop()


async def test_another_client_sees_no_spending() -> None:
    found = await defined(running.voting(2, 5))
    path = f"/v1/projects/{PROJECT}/spending"
    assert (await found.call("GET", path, role=Role.CLIENT, client_id="k1")).status == 200
    assert (await found.call("GET", path, role=Role.CLIENT, client_id="k2")).status == 404
    await found.stop()
