"""Growth: a line a size with how many times the first it costs, and drawings that an SVG reader takes."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

from bench.services.site import ColdStart
from bench.whole.growth import as_json, draw_growth, draw_history, lives, table
from bench.whole.measure import Life, Whole
from bench.whole.report import line
from deploy.local.services import SERVICES
from tests.unit.bench.whole.test_report import whole, work

SVG = "{http://www.w3.org/2000/svg}"


def grown(units: int, store_ms: float = 2.5) -> Whole:
    found = whole(units, store_ms)
    return replace(found, work=(*found.work, work("claim", store_ms)))


def test_each_size_says_how_many_times_the_first_it_costs() -> None:
    found = [grown(1_000, 2.5), grown(10_000, 3.0), grown(100_000, 6.5)]
    shown = table(found)
    assert [(row[0], row[1], row[3]) for row in shown.rows] == [
        (name, units, ratio)
        for name in ("unit", "label", "claim")
        for units, ratio in (("1,000", "1.00"), ("10,000", "1.12"), ("100,000", "2.00"))
    ]
    assert all(len(row) == len(shown.columns) for row in shown.rows)


def test_how_services_stop_and_start_stands_by_service_and_then_by_size() -> None:
    sizes = [
        replace(
            grown(units), lives=tuple(Life(ColdStart(name, 1.5, 2.5, 100.0, 0.25), 12.5, 131.0) for name in SERVICES)
        )
        for units in (1_000, 10_000)
    ]
    shown = lives(sizes)
    assert [row[:2] for row in shown.rows] == [
        [name, units] for name in sorted(SERVICES) for units in ("1,000", "10,000")
    ]
    assert shown.rows[0][2:] == ["250 ms", "1.50 s", "2.50 s", "12.5 s", "100", "131"]
    assert len(shown.columns) == len(shown.rows[0])
    assert [len(size["lives"]) for size in as_json(sizes)] == [5, 5]


def test_growth_and_history_are_drawn_a_point_a_measurement(tmp_path: Path) -> None:
    file = tmp_path / "growth.svg"
    draw_growth([grown(1_000), grown(10_000, 3.0), grown(100_000, 3.5)], file)
    root = ET.fromstring(file.read_text())
    assert len(root.findall(f"{SVG}circle")) == 3 * 3
    unit, *_ = root.findall(f"{SVG}polyline")
    heights = [float(point.split(",")[1]) for point in unit.attrib["points"].split()]
    assert heights == sorted(heights, reverse=True), "what costs more stands higher"
    assert "100,000" in {element.text for element in root.iter(f"{SVG}text")}
    draw_history([line(whole()), line(whole())], file)
    assert len(ET.fromstring(file.read_text()).findall(f"{SVG}circle")) == 4
