"""Rules with shorter waits are the deployed ones, with every wait and window that many times as short and no age."""

import re
from pathlib import Path
from typing import Any

import yaml

from deploy.local import observers
from tests.end_to_end.alerts.hastened import AGE, AGES, LEAST_SECONDS, UNITS_SECONDS, WINDOW, hastened

TIMES = 5


def _rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def _seconds(text: str) -> int:
    return int(text[:-1]) * UNITS_SECONDS[text[-1]]


def _expected(seconds: int) -> int:
    return max(seconds // TIMES, LEAST_SECONDS)


def test_waits_and_windows_are_that_many_times_as_short_and_nothing_else_is_changed(tmp_path: Path) -> None:
    for deployed, short in zip(_rules(observers.RULES), _rules(hastened(tmp_path, TIMES)), strict=True):
        for wait in ("for", "keep_firing_for"):
            assert (wait in deployed) == (wait in short)
            if wait in deployed:
                assert _seconds(short[wait]) == _expected(_seconds(deployed[wait]))
        windows = [_expected(_seconds("".join(found[1:]))) for found in WINDOW.findall(deployed["expr"])]
        assert [_seconds("".join(found[1:])) for found in WINDOW.findall(short["expr"])] == windows
        ages = [int(many or 1) * int(seconds) // AGES for _, many, seconds in AGE.findall(deployed["expr"])]
        assert all(f"_seconds) > {age}" in short["expr"] for age in ages)
        without = WINDOW.sub("", AGE.sub("_seconds) > ", deployed["expr"]))
        assert re.sub(r"(?<=_seconds\) > )\d+", "", WINDOW.sub("", short["expr"])) == re.sub(
            r"(?<=_seconds\) > )\d+", "", without
        )
        rest = {"expr", "for", "keep_firing_for"}
        assert {name: deployed[name] for name in deployed.keys() - rest} == {
            name: short[name] for name in short.keys() - rest
        }


def test_what_waits_for_hours_waits_for_seconds(tmp_path: Path) -> None:
    aged = {rule["alert"] for rule in _rules(observers.RULES) if "alert" in rule and AGE.search(rule["expr"])}
    assert aged == {
        "LotUndecided",
        "HeldLotWaits",
        "WebhookNotDelivered",
        "ConductAppealsWait",
        "GoldAppealsWait",
        "EscalationsWaiting",
    }
    short = {rule["alert"]: rule["expr"] for rule in _rules(hastened(tmp_path, TIMES)) if "alert" in rule}
    assert short["WebhookNotDelivered"].endswith("> 30")
    assert short["GoldAppealsWait"].endswith("> 180")


def test_no_window_of_the_deployed_rules_is_overlooked() -> None:
    for rule in _rules(observers.RULES):
        spans = re.findall(r"\[[^\]]*\d[smhd][^\]]*\]|offset \d+[smhd]", rule["expr"])
        assert len(WINDOW.findall(rule["expr"])) == sum(len(re.findall(r"\d+[smhd]", span)) for span in spans)
