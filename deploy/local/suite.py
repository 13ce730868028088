"""What `make test` runs: every step in order, one table at the end, nothing left behind.

A failing step does not keep the next from running, so that one run tells all there is to tell.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from deploy.local import attend, places, prometheus, terminal

_BIN = places.ENVIRONMENT / "bin"
_PYTHON = str(places.PYTHON)
_FOLDER = places.LOCAL / "test"
AGAIN_TESTS_MAX = 2
"""So many tests of a step may fail and run once more: where it is more, it is no accident."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: As the table shows it.
        argv: What is run, from the project's root.
        counts: Whether it is pytest, whose tests are counted.
        beside: Steps that run meanwhile, for this one mostly waits; what they print comes after it.
        again: Whether a test or two that fail run once more, alone: it stands on many processes at once.
    """

    name: str
    argv: tuple[str, ...]
    counts: bool = False
    beside: tuple["Step", ...] = ()
    again: bool = False


@dataclass(frozen=True)
class Result:
    """How a step ended; the counts are of tests and zero where there are none.

    `ran`: its tests have left a report. Where they have not, no test has failed: what they stand on did not come up.
    `unsteady`: tests, by name, that failed first and passed when they ran alone.
    """

    step: Step
    status: int
    seconds: float
    passed: int = 0
    failed: int = 0
    ran: bool = True
    unsteady: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """How it ended, in a word or three."""
        if not self.status:
            return f"passed, {len(self.unsteady)} again" if self.unsteady else "passed"
        return f"failed ({self.status})" if self.ran else f"not run ({self.status})"


def _pytest(
    name: str, *arguments: str, on: tuple[str, ...] = (), beside: tuple[Step, ...] = (), again: bool = False
) -> Step:
    return Step(name, (*on, _PYTHON, "-m", "pytest", "-q", *arguments), counts=True, beside=beside, again=again)


# Files side by side: they mostly wait, and those that start a stack of their own do so on ports of their own.
_BY_FILE = ("--dist", "loadfile")
_LONGEST_FIRST = (*_BY_FILE, "--no-loadscope-reorder")
"""In the order in which they are collected; tests/conftest.py has it."""
_PAGES = "tests/end_to_end/workbench"
_RULES = "deploy/observability/prometheus"
_RULE_TESTS = ("concord", "concord.hours")
_BROKER_AND_STORE = (_PYTHON, "-m", "deploy.local", "lend")

_QUICK = (
    Step("lint", (str(_BIN / "ruff"), "check", "--quiet", ".")),
    Step("format", (str(_BIN / "ruff"), "format", "--check", "--quiet", ".")),
    Step("who may import whom", (str(_BIN / "lint-imports"), "--no-logo")),
)
_TYPES = Step("types", (str(_BIN / "mypy"),))
CHECKS = (*_QUICK, _TYPES)
STEPS = (
    *_QUICK,
    # A file's tests stay on one core, so that what they share is made once.
    # Its longest files keep a core busy each while the others mostly wait. Types are one core's work.
    _pytest(
        "unit, properties, architecture, ports in memory",
        *("-m", "not real", "-n", "4"),
        *_LONGEST_FIRST,
        beside=(_TYPES,),
    ),
    Step("contracts generated from proto/", (_PYTHON, "-m", "proto", "--check")),
    Step("manifests", (_PYTHON, "-m", "deploy.k8s")),
    Step("who is told of alerts", ("amtool", "check-config", "deploy/observability/prometheus/alertmanager.yml")),
    Step("simulation", (_PYTHON, "-m", "simulation", "--seeds", "20", "--jobs", "2")),
    _pytest(
        "ports on the real parts",
        *("-m", "real", "--ignore=tests/end_to_end", "--ignore-glob=tests/integration/test_*.py", "-n", "2"),
        *_BY_FILE,
        on=_BROKER_AND_STORE,
        beside=(
            # On a broker and store of its own, one after another: a service that one test runs would answer what
            # another test's people say. So it mostly waits, and less than half of a core does for it.
            _pytest(
                "services on the real parts",
                *("-m", "real", "tests/integration"),
                *(f"--ignore=tests/integration/{folder}" for folder in ("concord", "deploy", "observability")),
                on=_BROKER_AND_STORE,
                again=True,
            ),
            Step("alert rules", ("promtool", "test", "rules", *(f"{_RULES}/{name}.test.yml" for name in _RULE_TESTS))),
        ),
        again=True,
    ),
    _pytest(
        "end to end",
        *("-m", "real", "tests/end_to_end", f"--ignore={_PAGES}", "-n", "3"),
        *_LONGEST_FIRST,
        again=True,
    ),
    # Two browsers, each with a stack of its own, keep both cores busy.
    _pytest("pages in a browser", "-m", "real", _PAGES, "-n", "2", *_BY_FILE, again=True),
)


def run(steps: Iterable[Step] = STEPS, folder: Path = _FOLDER) -> int:
    """Run the steps, print the table and the total of tests, and return the exit status: 1 when a step failed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = _environment()
    results = [result for step in steps for result in _run(step, folder, environment)]
    print(table(results))
    for name in [result.step.name for result in results if not result.ran]:
        terminal.say(f"{name}: no test has failed, for none was run to its end; see what is said under the step's name")
    for name in [name for result in results for name in result.unsteady]:
        terminal.say(f"{name} failed, and passed alone: it rests on time, load or a draw, and is to be mended")
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    terminal.say(f"{passed} passed, {failed} failed")
    return int(any(result.status for result in results))


def table(results: list[Result]) -> str:
    """Return one line a step: its name, how it ended, how long it took."""
    width = max(len(result.step.name) for result in results)
    rows = [f"{'step':<{width}}  {'result':<13}  {'tests':>7}  {'seconds':>7}"]
    for result in results:
        tests = str(result.passed + result.failed) if result.step.counts else ""
        rows.append(f"{result.step.name:<{width}}  {result.outcome:<13}  {tests:>7}  {result.seconds:>7.1f}")
    return "\n".join(["", *rows, ""])


def _environment() -> dict[str, str]:
    """Return what the steps run in: the virtual environment's programs first on the path, promtool somewhere on it."""
    path = [str(_BIN), os.environ["PATH"]]
    try:
        path += [str(prometheus.ensure(package)) for package in (prometheus.PROMETHEUS, prometheus.ALERTMANAGER)]
    except terminal.StepFailed as fault:
        terminal.say(str(fault))  # the step that needs it will fail; the others need not
    return {**os.environ, "PATH": os.pathsep.join(path)}


def _run(step: Step, folder: Path, environment: Mapping[str, str]) -> list[Result]:
    """Run a step and what goes beside it, and return how each ended."""
    with ExitStack() as meanwhile:
        others = [meanwhile.enter_context(_beside(other, folder, environment)) for other in step.beside]
        began = time.monotonic()
        _announce(step)
        try:
            status = attend.run(_argv(step, folder), environment)
        except FileNotFoundError:
            status = _missing(step)
        result = _settled(_result(step, status, began, folder), folder, environment)
        return [result, *(ended() for ended in others)]


@contextmanager
def _beside(step: Step, folder: Path, environment: Mapping[str, str]) -> Iterator[Callable[[], Result]]:
    """Run a step meanwhile; what is yielded waits for its end, prints what it printed and returns how it ended."""
    began, printed = time.monotonic(), folder / f"{_file_name(step)}.txt"
    with ExitStack() as running:
        try:
            program = running.enter_context(attend.beside(_argv(step, folder), environment, printed))
        except FileNotFoundError:
            program = None

        def ended() -> Result:
            _announce(step)
            status = program.wait() if program else _missing(step)
            print(printed.read_text(errors="replace"), end="")
            return _settled(_result(step, status, began, folder), folder, environment)

        yield ended


def _settled(result: Result, folder: Path, environment: Mapping[str, str]) -> Result:
    """Run a test or two that failed on the real parts once more, alone, and return what both runs came to."""
    step = result.step
    if not (step.again and result.status and result.ran and 0 < result.failed <= AGAIN_TESTS_MAX):
        return result
    names, began = failures(_report(step, folder)), time.monotonic()
    alone = replace(step, name=f"{step.name}, again", argv=(*step.argv, "--last-failed"))
    _announce(alone)
    second = _result(alone, attend.run(_argv(alone, folder, _cache(step, folder)), environment), began, folder)
    if second.status or (second.passed, second.failed) != (result.failed, 0):
        return replace(result, seconds=result.seconds + second.seconds)
    seconds, passed = result.seconds + second.seconds, result.passed + second.passed
    return replace(result, status=0, seconds=seconds, passed=passed, failed=0, unsteady=names)


def _announce(step: Step) -> None:
    terminal.say(f"\n== {step.name}: {' '.join(step.argv).replace(str(places.ROOT) + '/', '')}")


def _missing(step: Step) -> int:
    terminal.say(f"{step.argv[0]} is missing; `make doctor` says how to get it")
    return 127


def _file_name(step: Step) -> str:
    return step.name.replace(" ", "-")


def _argv(step: Step, folder: Path, cache: Path | None = None) -> tuple[str, ...]:
    if not step.counts:
        return step.argv
    kept = ("-o", f"cache_dir={cache or _cache(step, folder)}") if step.again else ()
    return (*step.argv, *kept, f"--junitxml={_report(step, folder)}")


def _report(step: Step, folder: Path) -> Path:
    return folder / f"{_file_name(step)}.xml"


def _cache(step: Step, folder: Path) -> Path:
    """Return where pytest keeps which tests of a step failed: steps run side by side."""
    return folder / f"{_file_name(step)}.cache"


def _result(step: Step, status: int, began: float, folder: Path) -> Result:
    report = _report(step, folder)
    passed, failed = counts(report) if step.counts else (0, 0)
    return Result(step, status, time.monotonic() - began, passed, failed, not step.counts or report.exists())


def counts(report: Path) -> tuple[int, int]:
    """Return how many tests passed and failed by a JUnit report; errors count as failed, no report as one failed."""
    if not report.exists():
        return 0, 1
    total, failed, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in _suites(report))
        for name in ("tests", "failures", "errors", "skipped")
    )
    return total - failed - errors - skipped, failed + errors


def failures(report: Path) -> tuple[str, ...]:
    """Return which tests failed by a JUnit report, as module.name, each once."""
    cases = [case for suite in _suites(report) for case in suite.iter("testcase")]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return tuple(dict.fromkeys(f"{case.get('classname', '')}.{case.get('name', '')}" for case in failed))


def _suites(report: Path) -> list[ElementTree.Element]:
    # Written by our own pytest a moment ago, so it is no hostile XML.
    return list(ElementTree.parse(report).getroot().iter("testsuite"))  # noqa: S314
