"""What the bench of metrics' memory fills is what it says, and it reckons with the limit that the pods have."""

from pathlib import Path

import pytest
import yaml

from bench.memory import child, report
from deploy.local import places
from services.metrics.repository import Rows

COUNT = 60


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "LOT_UNITS", 20)


def test_open_units_are_open_with_all_their_labels() -> None:
    rows = Rows()
    child.open_units(rows, COUNT)
    assert (rows.units_open, len(rows.closed)) == (COUNT, 0)
    (sums,) = rows.sums.values()
    assert sums.labels == COUNT * child.LABELS


def test_of_closed_units_and_of_projects_that_are_done_no_row_is_left() -> None:
    rows = Rows()
    child.closed_units(rows, COUNT)
    lots = COUNT // 20
    assert (rows.units_open, len(rows.closed)) == (0, COUNT + lots)
    rows = Rows()
    child.projects(rows, 3)
    assert (rows.units_open, len(rows.closed_sums)) == (0, 3)


async def test_a_book_is_taken_up_whole() -> None:
    found = await child.measured("open unit", COUNT)
    assert found["book_mb"] > 0
    assert found["peak_mb"] >= found["base_mb"] > 0


def test_what_fits_is_reckoned_with_the_limit_of_the_pods() -> None:
    manifest = Path(places.ROOT) / "deploy/k8s/base/metrics/deployment.yaml"
    (container,) = yaml.safe_load(manifest.read_text())["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "2Gi"
    assert pytest.approx(2 * 1024**3 / 1e6, abs=0.1) == report.LIMIT_MB
