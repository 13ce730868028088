"""A Prometheus of a test's own, on the rules that are deployed."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from deploy.local import prometheus
from deploy.local.observers import EXEMPLARS
from deploy.local.ports import free_port
from tests.support.patience import PATIENCE_SECONDS

RULES = Path(__file__).parents[2] / "deploy" / "observability" / "prometheus"


class Live:
    """A Prometheus of our own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=PATIENCE_SECONDS) as reply:
            answer = json.load(reply)
        assert answer["status"] == "success"
        return answer["data"]

    def numbers(self, expression: str) -> list[float]:
        """Return the numbers that a query answers now, those that are none left out."""
        values = [float(found["value"][1]) for found in self.ask("query", query=expression)["result"]]
        return [value for value in values if not isnan(value)]

    def eventually(self, expression: str) -> list[float]:
        """Return the numbers that a query answers as soon as it answers any; none when it never does."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.numbers(expression)) and time.monotonic() < until:
            time.sleep(0.5)
        return found


def _configuration(folder: Path, addresses: Mapping[str, str], others: Mapping[str, str], seconds: int) -> Path:
    """Write the local stack's configuration, scraping these addresses (host:port, by service, or by job) so often."""
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"}
    config["rule_files"] = [str(RULES / name) for name in config["rule_files"]]
    config.pop("alerting", None)
    (job,) = config["scrape_configs"]
    job["static_configs"] = [
        static_config for static_config in job["static_configs"] if static_config["labels"]["service"] in addresses
    ]
    for target in job["static_configs"]:
        target["targets"] = [addresses[target["labels"]["service"]]]
    config["scrape_configs"] += [
        {"job_name": name, "static_configs": [{"targets": [address]}]} for name, address in others.items()
    ]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def prometheus_over(
    folder: Path, addresses: Mapping[str, str], seconds: int = 1, others: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Live]:
    """Run a Prometheus over these addresses, and those of others, which are no services, by their jobs' names."""
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                prometheus.ensure() / "prometheus",
                f"--config.file={_configuration(folder, addresses, others, seconds)}",
                f"--storage.tsdb.path={folder / 'prometheus-data'}",
                f"--web.listen-address={address}",
                EXEMPLARS,
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Live(address)
            _wait_until_it_answers(server, process, folder / "prometheus.log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_answers(server: Live, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            server.ask("status/runtimeinfo")
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"prometheus does not answer:\n{log.read_text()[-2000:]}")
