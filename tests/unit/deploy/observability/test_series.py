"""Rules and boards ask only for what a service shows, by labels that it has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.observability.boards import BOARDS, path_of
from tests.integration.observability.exposition import Exposition
from tests.integration.observability.instruments import OWN, everything
from tests.integration.observability.promql import SUFFIXES, TARGET_LABELS, groupings, selectors, series_of

OBSERVABILITY = Path(__file__).parents[4] / "deploy" / "observability"
SERIES = series_of(everything())
LE = frozenset({"le"})
COUNTED_ONE_BY_ONE = "platform: Dead letters A"
"""The one panel of a raw counter: a letter's series begins with the letter, so a rate would not show the first."""


GROUPS = yaml.safe_load((OBSERVABILITY / "prometheus" / "concord.rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {label for rule in RULES if "record" in rule for label in rule.get("labels", {})}
"""Labels that series have which rules record, beside those of what they are made of."""
OF_OTHERS = frozenset({"cluster", "name"})
"""Labels of certificates as Strimzi and cert-manager tell of them; promtool's cases say which."""


def _rules() -> dict[str, str]:
    # One series may be recorded by several rules, each with a label of its own.
    return {f"{number} {rule.get('alert') or rule['record']}": rule["expr"] for number, rule in enumerate(RULES)}


def _board(name: str) -> dict[str, str]:
    whole: dict[str, Any] = json.loads(path_of(name).read_text())
    panels = {
        f"{name}: {panel['title']} {target['refId']}": target["expr"]
        for panel in whole["panels"]
        for target in panel.get("targets") or []
    }
    choosers = {
        f"{name}: {variable['name']}": variable["query"]
        .removeprefix("label_values(")
        .removesuffix(f", {variable['name']})")
        for variable in whole["templating"]["list"]
        if variable["type"] == "query"
    }
    return {**panels, **choosers}


ASKED = {**_rules(), **{where: asked for name in BOARDS for where, asked in _board(name).items()}}


@pytest.mark.parametrize("service", OWN)
def test_what_a_service_shows_can_be_shown_to_a_live_prometheus(service: str) -> None:
    page = Exposition(service).page()[0].decode()
    assert all(line.name in page for line in OWN[service])


@pytest.mark.parametrize("where", ASKED)
def test_every_series_asked_for_is_shown_by_a_service(where: str) -> None:
    for selector in selectors(ASKED[where]):
        assert selector.name in SERIES


@pytest.mark.parametrize("where", ASKED)
def test_series_are_chosen_and_joined_by_labels_that_they_have(where: str) -> None:
    if not list(selectors(ASKED[where])):
        return  # of what others show, whose labels nobody here declares; promtool's cases say what they are
    known = TARGET_LABELS | RECORDED | OF_OTHERS
    for selector in selectors(ASKED[where]):
        own = {*SERIES[selector.name].labels, *TARGET_LABELS, *LE}
        assert selector.labels <= own
        known |= own
    assert groupings(ASKED[where]) <= known


@pytest.mark.parametrize("where", sorted(ASKED.keys() - {COUNTED_ONE_BY_ONE}))
def test_a_counter_is_looked_at_by_its_rate_alone(where: str) -> None:
    counting = [
        selector
        for selector in selectors(ASKED[where])
        if SERIES[selector.name].kind == "counter" or selector.name.endswith(SUFFIXES["histogram"])
    ]
    # A counter that has only begun has no rate; that it was not there before is what the two rules look at.
    begun = [selector for selector in counting if f"unless {selector.name} offset" in ASKED[where]]
    assert [selector for selector in counting if not selector.rated and selector not in begun] == []


def test_a_bound_of_a_histogram_that_is_asked_for_is_one_of_its_buckets() -> None:
    bounds = {
        found for asked in ASKED.values() for found in re.findall(r'(concord_\w+_bucket)\{[^}]*\ble="([^"]+)"', asked)
    }
    assert {name for name, _ in bounds} == {"concord_http_request_seconds_bucket"}
    assert all(float(bound) in SERIES[name].buckets for name, bound in bounds)
