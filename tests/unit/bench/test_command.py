"""The command: what it refuses, prints and writes."""

import json
from pathlib import Path

import pytest

from bench.command import main
from bench.memory import report as memory_report
from bench.memory.report import NotHeld
from bench.statistics import comparison
from bench.statistics.measure import Measured


def test_the_command_prints_plain_columns_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        comparison, "in_child", lambda _python, _side, name, _units: Measured("concord", 1e-6, 50.0, 0.5, name)
    )
    file = tmp_path / "figures.json"
    assert main(["--only", "posterior_update", "--annotations", "2000", "--no-peers", "--json", str(file)]) == 0
    (figure,) = json.loads(file.read_text())["statistics"]
    assert figure["name"] == "posterior_update"
    assert figure["annotations"] == 2000
    assert figure["within_limits"] is True
    assert "1.00 us" in capsys.readouterr().out


def test_what_was_measured_before_a_fault_is_shown_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_say: object) -> None:
        raise NotHeld("no memory")

    monkeypatch.setattr(
        comparison, "in_child", lambda _python, _side, name, _units: Measured("concord", 1e-6, 50.0, 0.5, name)
    )
    monkeypatch.setattr(memory_report, "measure", failing)
    file = tmp_path / "figures.json"
    wanted = ["--only", "posterior_update", "--only", "memory", "--annotations", "2000", "--no-peers"]
    assert main([*wanted, "--json", str(file)]) == 1
    captured = capsys.readouterr()
    assert "no memory" in captured.err
    assert "1.00 us" in captured.out
    assert list(json.loads(file.read_text())) == ["machine", "at", "statistics"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "sorcery"], "sorcery"),
        (["--services", "ingest,audit"], "assign"),
        (["--services", "ingest,assign,sorcery"], "sorcery"),
        (["--only", "starts", "--services", "sorcery"], "name some of"),
        (["--only", "waiting", "--units", "999"], "1,000 and more"),
        (["--units", "3"], "one a unit at most"),
        (["--units", "200", "--labels", "201"], "20 to 200"),
        (["--units", "99", "--labels", "99"], "at least"),
        (["--annotations", "10"], "at least"),
        (["--json", "/no/such/folder/file.json"], "no folder"),
        (["--only", "growth", "--plot", "/no/such/folder/file.svg"], "no folder"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert said in capsys.readouterr().err
