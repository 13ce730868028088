"""What watches a local stack: Prometheus on the rules that are deployed, and the Alertmanager that hears of it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from deploy.local import listeners, places, prometheus
from deploy.local.ports import Ports
from deploy.local.processes import Program

_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
_DEPLOYED = places.ROOT / "deploy" / "observability" / "prometheus"
RULES = _DEPLOYED / "concord.rules.yml"
EXEMPLARS = "--enable-feature=exemplar-storage"
"""Without it Prometheus drops the traces that services mark their latencies with."""


def programs(
    folder: Path,
    ports: Ports,
    scraped: Mapping[str, Sequence[int]],
    receivers: str | None = None,
    rules: Path | None = None,
) -> list[Program]:
    """Return the programs that watch a stack, their settings and data in its data folder.

    `scraped` says at which ports the processes of each service are asked, `receivers` below which address whoever is
    to hear of alerts does, each by the name that the deployed settings give them, instead of where those say, and
    `rules` what is evaluated instead of the deployed rules.

    Debian's Alertmanager wants its templates where only an installation puts them, so it must be installed.

    Raises:
        StepFailed: Prometheus is not installed and cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asks = prometheus.ensure() / "prometheus"
    return [*_alertmanager(folder, ports, receivers), _prometheus(asks, folder, ports, scraped, rules)]


def hears() -> bool:
    """Return whether an Alertmanager can run here, so that somebody hears of what fires."""
    return prometheus.find(prometheus.ALERTMANAGER) is not None and _TEMPLATES.exists()


def _alertmanager(folder: Path, ports: Ports, receivers: str | None) -> list[Program]:
    if not hears():
        return []
    path = prometheus.ensure(prometheus.ALERTMANAGER) / "prometheus-alertmanager"
    return [
        Program(
            name="alertmanager",
            argv=(
                str(path),
                f"--config.file={_routed(folder, receivers)}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{ports.alertmanager}",
                # One of its kind needs no cluster.
                "--cluster.listen-address=",
            ),
            ports=(ports.alertmanager,),
            ready=partial(listeners.accepts, ports.alertmanager),
        )
    ]


def _routed(folder: Path, receivers: str | None) -> Path:
    """Return the deployed settings of who hears of what, with the receivers at that address when there is one."""
    deployed = _DEPLOYED / "alertmanager.yml"
    if receivers is None:
        return deployed
    settings = yaml.safe_load(deployed.read_text())
    for receiver in settings["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = f"{receivers}/{receiver['name']}"
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _prometheus(
    program: Path, folder: Path, ports: Ports, scraped: Mapping[str, Sequence[int]], rules: Path | None
) -> Program:
    return Program(
        name="prometheus",
        argv=(
            str(program),
            f"--config.file={_configured(folder, ports, scraped, rules)}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{ports.prometheus}",
            EXEMPLARS,
        ),
        ports=(ports.prometheus,),
        ready=partial(listeners.accepts, ports.prometheus),
    )


def _configured(folder: Path, ports: Ports, scraped: Mapping[str, Sequence[int]], rules: Path | None) -> Path:
    """Write the deployed settings with the ports of this stack, and return where."""
    settings = yaml.safe_load((_DEPLOYED / "prometheus.yml").read_text())
    settings["rule_files"] = [str(rules or RULES)]
    for target in settings["scrape_configs"][0]["static_configs"]:
        target["targets"] = [f"127.0.0.1:{port}" for port in scraped.get(target["labels"]["service"], ())]
    settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{ports.alertmanager}"]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    return path
