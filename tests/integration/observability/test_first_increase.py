"""An increase is seen of a series that was there before: what is told by the first one begins at zero."""

import re
from typing import Any

import yaml

from concord.chassis.telemetry import Telemetry
from deploy.local import places
from simulation.house import ENVIRONMENT, House
from simulation.lives import SERVICES

RULES = places.ROOT / "deploy" / "observability" / "prometheus" / "concord.rules.yml"
_FIRST = re.compile(r"increase\((concord_\w+_total)\[[^\]]+\]\)(?!\s*>\s*[1-9])")


def asked_by_the_first() -> dict[str, str]:
    """Return the counters whose first increase an alert is to see, each with an alert that asks."""
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"] if "alert" in rule}
    return {
        name: alert
        for alert, expr in alerts.items()
        for name in _FIRST.findall(expr)
        # Of a series that may begin with the first one, whenever that is, the rule says so itself.
        if f"unless {name} offset" not in expr or "process_start_time_seconds" in expr
    }


ASKED = asked_by_the_first()
AGAIN_AND_AGAIN = {"concord_assign_submissions_total"}
"""What comes as long as anybody works: the second one is an increase, and soon enough."""


async def test_what_an_alert_is_to_see_the_first_one_of_is_there_before_it() -> None:
    assert {"concord_loop_failures_total", "concord_journal_events_parked_total"} <= set(ASKED)
    house, shown = House(), set[str]()
    for name, (settings, wire) in SERVICES.items():
        telemetry = Telemetry(name)
        wire(settings.from_environment(ENVIRONMENT), house.ports(name, telemetry=telemetry))
        shown |= {sample.name for metric in telemetry.registry.collect() for sample in metric.samples}
    blind = {ASKED[name]: name for name in set(ASKED) - AGAIN_AND_AGAIN - shown}
    assert not blind
