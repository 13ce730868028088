"""What `make test` runs: every step in order, one table at the end, nothing left behind.

A failing step does not keep the next from running, so that one run tells all there is to tell.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from deploy.local import places, terminal
from deploy.local.ports import Ports
from deploy.local.stack import Stack

_BIN = places.ENVIRONMENT / "bin"
_PYTHON = str(places.PYTHON)
_FOLDER = places.LOCAL / "test"
_INTERRUPTED_SECONDS_MAX = 20.0


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: As the table shows it.
        argv: What is run, from the project's root.
        broker_and_store: Whether a real broker and store run meanwhile, their addresses in its environment.
        counts: Whether it is pytest, whose tests are counted.
    """

    name: str
    argv: tuple[str, ...]
    broker_and_store: bool = False
    counts: bool = False


@dataclass(frozen=True)
class Result:
    """How a step ended; the counts are of tests and zero where there are none."""

    step: Step
    status: int
    seconds: float
    passed: int = 0
    failed: int = 0


def _pytest(name: str, *arguments: str, broker_and_store: bool = False) -> Step:
    return Step(name, (_PYTHON, "-m", "pytest", "-q", *arguments), broker_and_store, counts=True)


CHECKS = (
    Step("lint", (str(_BIN / "ruff"), "check", "--quiet", ".")),
    Step("format", (str(_BIN / "ruff"), "format", "--check", "--quiet", ".")),
    Step("types", (str(_BIN / "mypy"),)),
    Step("who may import whom", (str(_BIN / "lint-imports"),)),
)
STEPS = (
    *CHECKS,
    _pytest("unit, properties, architecture, ports in memory", "-m", "not real"),
    Step("contracts generated from proto/", (_PYTHON, "-m", "proto", "--check")),
    Step("manifests", (_PYTHON, "-m", "deploy.k8s")),
    Step("alert rules", ("promtool", "test", "rules", "deploy/observability/prometheus/concord.test.yml")),
    Step("simulation", (_PYTHON, "-m", "simulation", "--seeds", "20")),
    _pytest("ports and services on the real parts", "-m", "real", "--ignore=tests/end_to_end", broker_and_store=True),
    _pytest("end to end", "-m", "real", "tests/end_to_end"),
)


def run(steps: Iterable[Step] = STEPS, folder: Path = _FOLDER) -> int:
    """Run the steps, print the table and the total of tests, and return the exit status: 1 when a step failed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results = [_run(step, folder) for step in steps]
    print(table(results))
    passed, failed = sum(one.passed for one in results), sum(one.failed for one in results)
    terminal.say(f"{passed} passed, {failed} failed")
    return int(any(one.status for one in results))


def table(results: list[Result]) -> str:
    """Return one line a step: its name, how it ended, how long it took."""
    width = max(len(one.step.name) for one in results)
    rows = [f"{'step':<{width}}  {'result':<12}  {'tests':>7}  {'seconds':>7}"]
    for one in results:
        outcome = f"failed ({one.status})" if one.status else "passed"
        tests = str(one.passed + one.failed) if one.step.counts else ""
        rows.append(f"{one.step.name:<{width}}  {outcome:<12}  {tests:>7}  {one.seconds:>7.1f}")
    return "\n".join(["", *rows, ""])


def _run(step: Step, folder: Path) -> Result:
    terminal.say(f"\n== {step.name}: {' '.join(step.argv).replace(str(places.ROOT) + '/', '')}")
    began = time.monotonic()
    report = folder / f"{step.name.replace(' ', '-')}.xml"
    argv = (*step.argv, f"--junitxml={report}") if step.counts else step.argv
    with ExitStack() as held:
        environment = dict(os.environ)
        if step.broker_and_store:
            stack = held.enter_context(Stack(folder / "stack", Ports.free(), services=(), say=terminal.say))
            environment |= {
                "CONCORD_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
                "CONCORD_MONGODB_URI": stack.mongodb_uri,
            }
        status = attend(argv, environment)
    passed, failed = counts(report) if step.counts else (0, 0)
    return Result(step, status, time.monotonic() - began, passed, failed)


def counts(report: Path) -> tuple[int, int]:
    """Return how many tests passed and failed by a JUnit report; errors count as failed, no report as one failed."""
    if not report.exists():
        return 0, 1
    # Written by our own pytest a moment ago, so it is no hostile XML.
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))  # noqa: S314
    total, failures, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return total - failures - errors - skipped, failures + errors


def attend(argv: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Run a program in a group of its own and return its status; interrupted, end it and its children first."""
    try:
        program = subprocess.Popen(argv, cwd=places.ROOT, env=environment, start_new_session=True)
    except FileNotFoundError:
        terminal.say(f"{argv[0]} is missing; `make doctor` says how to install it")
        return 127
    try:
        return program.wait()
    except BaseException:
        # As Ctrl-C would, so that it can put its own things away.
        os.killpg(program.pid, signal.SIGINT)
        try:
            program.wait(_INTERRUPTED_SECONDS_MAX)
        finally:
            _end_group(program.pid)
            program.wait()
        raise


def _end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
