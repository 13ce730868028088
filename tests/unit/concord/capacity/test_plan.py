"""What a load takes: from costs that are easy to reckon with."""

import json

import msgspec
import pytest

from bench.whole.report import HISTORY
from concord.capacity.costs import Costs, Operation, Works, measured, published, read
from concord.capacity.plan import BROKER, SERVICES, STORE, Load, Plan, Prices, plan, spent

EACH = (*SERVICES, STORE, BROKER)


def costs(unit_ms: float = 1.0, label_ms: float = 2.0, idle_ms: float = 0.0, seconds: float = 10.0) -> Costs:
    """Return what each process spends, the same on all."""
    disk = {STORE: 2_000.0, BROKER: 500.0}
    unit = Operation(1_000, dict.fromkeys(EACH, unit_ms), disk, seconds)
    label = Operation(1_000, dict.fromkeys(EACH, label_ms), disk, seconds)
    return Costs(1_000, dict.fromkeys(EACH, idle_ms), Works(unit, label))


def part(found: Plan, name: str) -> tuple[float, int, float]:
    """Return a part's cores, processes and disk."""
    entry = next(item for item in found.parts if item.name == name)
    return entry.cores, entry.processes, entry.disk_gb


def test_cores_are_what_is_asked_at_the_peak_times_what_it_costs() -> None:
    load = Load(units_a_day=8_640_000, labels_a_unit=4.0, checks_a_unit=1.0, peak=2.0, busy=0.5)
    found = plan(load, costs(), Prices())
    assert found.units_a_second == 200
    assert found.labels_a_second == 1_000
    cores, processes, _ = part(found, "assign")
    assert cores == pytest.approx(200 * 0.001 + 1_000 * 0.002)
    assert processes == 5, "2.2 cores at half a core a process"


def test_what_processes_spend_when_idle_is_counted_once_a_process_and_not_by_what_is_asked() -> None:
    """1 ms a unit of which .5 are of a process that was idle beside 10 ms apart, at 50 ms a second."""
    still = plan(Load(86_400.0, 1e-9, 0.0, peak=1.0), costs(idle_ms=50.0), Prices())
    assert part(still, "audit")[0] == pytest.approx(0.0005 + 2 * 0.05, rel=1e-3)


def test_disk_is_what_is_kept_three_times_and_shards_follow_from_it() -> None:
    load = Load(1_000_000.0, 3.0, 0.0, kept_days=365.0, topic_days=10.0, unit_kb=1.0)
    found = plan(load, costs(), Prices())
    kept = 1_000_000 * (3_000 + 3 * 2_000) * 365 / 1e9
    assert part(found, STORE)[2] == pytest.approx(3 * kept)
    assert found.shards == 2
    assert part(found, STORE)[1] == 6
    assert part(found, BROKER)[2] == pytest.approx(3 * 1_000_000 * 4 * 500 * 10 / 1e9), "content is in no topic of ours"


def test_a_faster_store_is_said_and_changes_the_store_alone() -> None:
    slow, fast = (plan(Load(10_000_000.0, store_share=share), costs(), Prices()) for share in (1.0, 0.1))
    assert part(fast, STORE)[0] == pytest.approx(part(slow, STORE)[0] / 10)
    assert part(fast, "ingest") == part(slow, "ingest")
    dense = plan(Load(10_000_000.0, disk_share=0.5), costs(), Prices())
    assert part(dense, STORE)[2] == pytest.approx(part(slow, STORE)[2] / 2)


def test_places_are_a_power_of_two_that_shares_evenly_and_what_they_cannot_hold_is_told() -> None:
    small, large = (plan(Load(units), costs(), Prices()) for units in (1_000.0, 20_000_000.0))
    assert (small.places, small.warnings) == (64, [])
    most = max(entry.processes for entry in large.parts if entry.name in SERVICES)
    assert large.places >= 4 * most > large.places / 2
    huge = plan(Load(3_000_000_000.0), costs(), Prices())
    assert huge.places == 1_024
    assert len(huge.warnings) == len(SERVICES)
    assert "clusters" in huge.warnings[0]


def test_money_follows_prices_and_a_label_bears_its_share() -> None:
    load = Load(1_000_000.0)
    found, dear = (plan(load, costs(), Prices(factor * 0.03, factor * 0.004, factor * 0.1)) for factor in (1, 2))
    assert dear.money == pytest.approx(2 * found.money)
    assert found.money_a_label == pytest.approx(found.money / (3_000_000 * 365 / 12))


def test_the_costs_that_are_published_are_the_newest_that_were_measured_and_kept() -> None:
    newest = HISTORY.read_text().splitlines()[-1]
    assert json.loads(published().read_text()) == json.loads(newest)
    assert measured() == read(newest.encode())


def test_a_run_of_the_bench_is_read_as_it_was_written_and_anything_else_is_refused() -> None:
    whole = json.loads(msgspec.json.encode(costs()))
    assert read(json.dumps({"machine": {}, "whole": whole}).encode()) == costs()
    with pytest.raises(msgspec.ValidationError, match="units"):
        read(b'{"statistics": []}')


def test_what_a_run_is_expected_to_cost_is_its_counts_times_the_costs_and_its_time_times_what_is_spent_idle() -> None:
    assert spent(costs(), 2_000, 500, 60.0) == pytest.approx(dict.fromkeys(EACH, 2.0 + 1.0))
    # Of the ten seconds that 1,000 took .5 were idle processes', .5 ms each; an hour has 180 of those.
    idle = costs(idle_ms=50.0)
    assert spent(idle, 2_000, 500, 3_600.0) == pytest.approx(dict.fromkeys(EACH, 1.0 + 0.75 + 180.0))
    assert spent(idle, 1_000, 1_000, 20.0) == pytest.approx(dict.fromkeys(EACH, 3.0)), "what it was measured on"
