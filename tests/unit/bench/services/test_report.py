"""The services' figures: spans, costs, tables."""

from bench.published import PUBLISHED, table
from bench.services.cost import Cost
from bench.services.floor import Floor
from bench.services.phases import Measured, Span
from bench.services.report import as_json, tables
from bench.services.site import ColdStart, Reading


def reading(at_us: int, cpu: float, read: dict[str, int]) -> Reading:
    return Reading(at_us, at_us / 1e6, {"assign": cpu}, {"assign": read})


def cost(units: int, cpu_us: float = 60.0, floor: Floor | None = None) -> Cost:
    return Cost(
        operation="claim",
        service="assign",
        units=units,
        operations=500,
        cpu_us=cpu_us,
        floor=floor or Floor(10.0, 15.0, 5.0),
        seconds=2.0,
        below_us={"mongodb": 400.0, "kafka": 90.0},
        calls={"claim": (1.5, 9.25)},
    )


def measured(units: int) -> Measured:
    start = ColdStart("assign", 0.8, 1.2, 97.0, 0.3)
    return Measured(
        units, idle_share={"assign": 0.009}, costs=[cost(units)], peak_mb={"assign": 151.0}, cold_starts=[start]
    )


def test_a_span_tells_what_was_spent_and_read_within_it() -> None:
    span = Span(
        reading(1_000_000, 2.0, {"units": 5, "lots": 1}), reading(3_000_000, 2.5, {"units": 9, "lots": 1, "new": 2})
    )
    assert span.seconds == 2.0
    assert span.cpu_seconds("assign") == 0.5
    assert span.read("assign") == {"units": 4, "new": 2}


def test_a_cost_is_so_many_times_its_floor_and_has_no_ratio_to_nothing() -> None:
    assert cost(1_000).ratio == 2.0
    assert cost(1_000, floor=Floor()).ratio is None
    assert cost(1_000).rate == 250.0


def test_sizes_of_one_operation_stand_below_one_another() -> None:
    costs, calls, starts = tables([measured(10_000), measured(1_000)])
    assert [row[2] for row in costs.rows] == ["1,000", "10,000"]
    assert costs.rows[0][4:10] == ["60.0", "30.0", "2.0 x", "10.0", "15.0", "5.0"]
    assert calls.rows[0] == ["claim", "claim", "1,000", "1.5", "9.2"]
    assert starts.rows[0] == ["assign", "10,000", "800 ms", "1.20 s", "300 ms", "97", "151", "9.0"]
    assert all(len(row) == len(entry.columns) for entry in (costs, calls, starts) for row in entry.rows)


def test_the_json_has_every_figure_with_its_floor() -> None:
    figures = as_json([measured(1_000)])
    (found,) = figures["costs"]
    assert (found["cpu_us"], found["floor_us"], found["ratio"]) == (60.0, 30.0, 2.0)
    assert figures["cold_starts"][0]["units"] == 1_000
    assert figures["idle_share"] == [{"units": 1_000, "assign": 0.009}]
    assert figures["peak_mb"] == [{"units": 1_000, "assign": 151.0}]


def test_what_was_measured_elsewhere_says_so() -> None:
    shown = table()
    assert "ELSEWHERE" in shown.title
    assert len(shown.rows) == len(PUBLISHED)
