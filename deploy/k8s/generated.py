"""The manifests that follow from something else in the repository, written to files and held against them."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from deploy.k8s import alerting, catalogue
from deploy.k8s.render import ROOT

RULES = ROOT / "deploy" / "observability" / "prometheus" / "concord.rules.yml"
ALERTMANAGER = RULES.with_name("alertmanager.yml")
_KAFKA = ROOT / "deploy" / "k8s" / "base" / "kafka"
_HEAD = "# Made by `python -m deploy.k8s generate` from {source}; never edited.\n"
_LINE_CHARACTERS = 110


def files() -> dict[Path, str]:
    """Return what each generated file must hold."""
    rules = alerting.rules(yaml.safe_load(RULES.read_text()))
    routes = alerting.routes(yaml.safe_load(ALERTMANAGER.read_text()))
    kubernetes = ROOT / "deploy" / "observability" / "kubernetes"
    return {
        _KAFKA / "topics.yaml": _text("concord/contracts/topics.py", catalogue.topics()),
        _KAFKA / "users.yaml": _text("concord/contracts/topics.py", catalogue.users()),
        kubernetes / "rules.yaml": _text(str(RULES.relative_to(ROOT)), [rules]),
        kubernetes / "alerting.yaml": _text(str(ALERTMANAGER.relative_to(ROOT)), [routes]),
    }


def rules_with(docs: str, grafana: str) -> str:
    """Return the manifest of the rules with these addresses, as an overlay patches it in."""
    rules = alerting.rules(yaml.safe_load(RULES.read_text()), docs.rstrip("/"), grafana.rstrip("/"))
    return _text(str(RULES.relative_to(ROOT)), [rules])


def write() -> list[Path]:
    """Write every generated file, and return their paths."""
    for path, text in files().items():
        path.write_text(text)
    return list(files())


def differences() -> Iterator[str]:
    """Yield which generated files are not what they would be made now."""
    for path, text in files().items():
        if not path.exists() or path.read_text() != text:
            yield f"{path.relative_to(ROOT)}: is not what `python -m deploy.k8s generate` writes"


def _text(source: str, manifests: list[catalogue.Manifest]) -> str:
    documents = yaml.safe_dump_all(manifests, sort_keys=False, width=_LINE_CHARACTERS, default_flow_style=None)
    return _HEAD.format(source=source) + documents
