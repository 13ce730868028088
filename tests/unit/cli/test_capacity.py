"""`concord capacity`: a plan for people and for programs, other costs, and costs held against a run."""

import json
from pathlib import Path

import msgspec
from click.testing import CliRunner

from cli.capacity import verb
from concord.capacity.costs import measured
from tests.unit.concord.capacity.test_plan import costs


def test_a_plan_is_a_table_for_people_and_json_for_programs() -> None:
    shown = CliRunner().invoke(verb, ["250000", "--peak", "4"])
    assert shown.exit_code == 0, shown.output
    assert "at the peak 11.6 units" in shown.output
    assert measured().commit in shown.output
    body = json.loads(CliRunner().invoke(verb, ["250000", "--peak", "4", "--json"]).stdout)
    assert body["load"]["peak"] == 4
    assert [part["name"] for part in body["plan"]["parts"]][-2:] == ["mongodb", "kafka"]
    assert body["plan"]["money"] > 0


def test_costs_of_ones_own_are_planned_with_and_held_against_a_run(tmp_path: Path) -> None:
    mine, run = tmp_path / "mine.json", tmp_path / "run.json"
    mine.write_bytes(msgspec.json.encode({"whole": costs()}))
    run.write_bytes(msgspec.json.encode({"whole": costs(unit_ms=2.0, label_ms=4.0)}))
    planned = json.loads(CliRunner().invoke(verb, ["1000", "--costs", str(mine), "--json"]).stdout)
    assert planned["costs"]["units"] == 1_000
    held = CliRunner().invoke(verb, ["1", "--costs", str(mine), "--against", str(run)])
    assert held.exit_code == 0, held.output
    assert "2.00" in held.output


def test_what_is_no_load_and_no_costs_is_refused_with_its_cure(tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    for content in (b"[1, 2]", b'{"whole": {"commit": "\xb0"}}'):
        file.write_bytes(content)
        refused = CliRunner().invoke(verb, ["1000", "--costs", str(file)])
        assert refused.exit_code == 2
        assert "--only whole" in refused.output
    for arguments in (["0"], ["1000", "--busy", "1.5"], ["1000", "--peak", "0"]):
        assert CliRunner().invoke(verb, arguments).exit_code == 2
