"""The whole's figures: sums, the table beside what was kept, the history."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.whole import against
from bench.whole.measure import PARTS, Whole, Work
from bench.whole.report import as_json, history, keep, line, table
from deploy.local import places


def work(name: str, store_ms: float = 2.5) -> Work:
    cpu_ms = dict.fromkeys(PARTS, 0.25) | {"mongodb": store_ms}
    return Work(name, 1_000, 12.0, 10.0, cpu_ms, 31.5, {"mongodb": 2_000.0, "kafka": 700.0})


def whole(units: int = 10_000, store_ms: float = 2.5) -> Whole:
    return Whole(units, (work("unit", store_ms), work("label", store_ms)), dict.fromkeys(PARTS, 9.0))


def test_one_costs_what_all_processes_spend_on_it() -> None:
    entry = work("label")
    assert entry.total_ms == 2.5 + 0.25 * (len(PARTS) - 1)
    assert entry.rate == 100.0


def test_what_was_kept_of_as_many_units_stands_below_what_is_new_the_newest_first(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    assert history(file) == []
    for units, store_ms in ((10_000, 5.0), (10_000, 4.0), (500, 9.0)):
        keep(line(whole(units, store_ms)), file)
    shown = table(whole(), history(file))
    assert [(row[0], row[9]) for row in shown.rows] == [
        ("unit", "2.50"), ("unit", "4.00"), ("unit", "5.00"), ("label", "2.50"), ("label", "4.00"), ("label", "5.00"),
    ]  # fmt: skip
    assert shown.rows[0][1] == "this"
    assert shown.rows[1][1] == json.loads(file.read_text().splitlines()[0])["commit"]
    assert all(len(row) == len(shown.columns) for row in shown.rows)


def test_another_revisions_figures_stand_beside_as_they_were_written() -> None:
    written = json.loads(json.dumps(as_json(whole(store_ms=7.0))))
    shown = table(whole(), [{"commit": "older", **written}])
    assert [(row[1], row[9]) for row in shown.rows] == [("this", "2.50"), ("older", "7.00")] * 2


def test_a_revision_that_is_not_there_is_told() -> None:
    with pytest.raises(against.NotMeasured, match="no-such-revision"):
        against.measure("no-such-revision", 100, 20, lambda line: None)


FIRST_BUILD = {
    "concord.chassis.broker.kafka": {"BATCH_BYTES_MAX"},
    "concord.chassis.broker.partitioner": {"partition_of"},
    "concord.chassis.broker.port": {"Outgoing", "POLL_RECORDS_MAX"},
    "concord.chassis.journal.record": {"Commit", "JOURNAL", "events_of"},
    "concord.chassis.store.port": {"INSERT_DOCUMENTS_MAX"},
    "concord.contracts.codec": {"decode"},
    "concord.contracts.topics": {"BY_NAME", "TOPICS"},
    "deploy.local": {"listeners", "places"},
    "deploy.local.ports": {"Ports"},
    "deploy.local.services": {"SERVICES"},
    "deploy.local.stack": {"Stack"},
}
"""What the first build had of what the whole is measured with: revision 00f68fa."""


def test_other_revisions_are_measured_by_what_the_first_build_had() -> None:
    script = "import sys, bench.whole.__main__; print(*(m.__file__ for n, m in sys.modules.items() if 'bench' in n))"
    argv = [sys.executable, "-c", script]
    loaded = subprocess.run(argv, cwd=places.ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert len(loaded) > 10
    for file in loaded:
        for node in ast.walk(ast.parse(Path(file).read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("concord", "deploy")):
                names = {alias.name for alias in node.names}
                assert names <= FIRST_BUILD.get(str(node.module), set()), f"{file} takes {names} of {node.module}"
