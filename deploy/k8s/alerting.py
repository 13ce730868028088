"""Rules and routes as the Prometheus operator takes them: who hears of what follows from what is tested."""

import re
from typing import Any

NAMESPACE = "concord"
"""The operator lets an AlertmanagerConfig route alerts of its own namespace alone, unless it is told otherwise."""
SECRET = "concord-alert-receivers"  # noqa: S105 - its name
"""Holds the address of each receiver, by the receiver's name: such an address often lets in whoever knows it."""
_MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*\"?(.*?)\"?")
_TIMES = {"group_wait": "groupWait", "group_interval": "groupInterval", "repeat_interval": "repeatInterval"}

Manifest = dict[str, Any]


DOCS = "https://docs.example.org/concord"
"""Where the documentation is served: `make docs` makes the site, you serve it."""
GRAFANA = "https://grafana.example.org"


def rules(groups: Manifest, docs: str = DOCS, grafana: str = GRAFANA) -> Manifest:
    """Return the manifest of groups of rules: each alert with the namespace by which it is routed, and its addresses.

    By their usual names, `runbook_url` and `dashboard_url`, on-call tools and chats make links of them.
    """
    for group in groups["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["labels"] = {**rule["labels"], "namespace": NAMESPACE}
                entry = rule["annotations"].pop("runbook").partition("#")[2]
                rule["annotations"]["runbook_url"] = f"{docs}/runbook.html#{entry}"
                rule["annotations"]["dashboard_url"] = f"{grafana}{rule['annotations'].pop('dashboard')}"
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "concord"},
        "spec": groups,
    }


def routes(config: Manifest) -> Manifest:
    """Return the AlertmanagerConfig of an Alertmanager's own configuration."""
    spec = {
        "route": _route(config["route"]),
        "inhibitRules": [
            {
                "sourceMatch": [_matcher(source_matcher) for source_matcher in rule["source_matchers"]],
                "targetMatch": [_matcher(target_matcher) for target_matcher in rule["target_matchers"]],
                **({"equal": rule["equal"]} if "equal" in rule else {}),
            }
            for rule in config["inhibit_rules"]
        ],
        "receivers": [_receiver(receiver) for receiver in config["receivers"]],
    }
    metadata = {"name": "concord"}
    return {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": metadata,
        "spec": spec,
    }


def _route(route: Manifest) -> Manifest:
    found: Manifest = {"receiver": route["receiver"]}
    if "group_by" in route:
        found["groupBy"] = route["group_by"]
    found |= {theirs: route[ours] for ours, theirs in _TIMES.items() if ours in route}
    if "matchers" in route:
        found["matchers"] = [_matcher(matcher) for matcher in route["matchers"]]
    if "routes" in route:
        found["routes"] = [_route(entry) for entry in route["routes"]]
    return found


def _matcher(text: str) -> Manifest:
    """Return a matcher in its parts.

    >>> _matcher('alertname =~ "A|B"')
    {'name': 'alertname', 'matchType': '=~', 'value': 'A|B'}
    """
    found = _MATCHER.fullmatch(text)
    assert found is not None, text
    name, kind, value = found.groups()
    return {"name": name, "matchType": kind, "value": value}


def _receiver(receiver: Manifest) -> Manifest:
    (hook,) = receiver["webhook_configs"]
    address = {"name": SECRET, "key": receiver["name"]}
    return {
        "name": receiver["name"],
        "webhookConfigs": [{"urlSecret": address, "sendResolved": hook.get("send_resolved", True)}],
    }
