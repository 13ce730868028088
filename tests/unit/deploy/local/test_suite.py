import os
import sys
import time
from pathlib import Path

import pytest

from deploy.local import attend, prometheus, suite, terminal

_REPORT = (
    '<testsuites><testsuite name="a" tests="5" failures="1" errors="1" skipped="1"/>'
    '<testsuite name="b" tests="2" failures="0" errors="0" skipped="0"/></testsuites>'
)


@pytest.fixture(autouse=True)
def promtool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(prometheus, "ensure", lambda _package: tmp_path)


def _python(name: str, program: str, counts: bool = False) -> suite.Step:
    return suite.Step(name, (sys.executable, "-c", program), counts=counts)


def _writes(report: str) -> str:
    return f"import sys; open(sys.argv[-1].split('=', 1)[1], 'w').write({report!r})"


def test_tests_are_counted_from_the_report_and_errors_are_failures(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT)
    assert suite.counts(report) == (4, 2)


def test_a_run_that_leaves_no_report_counts_as_one_failure(tmp_path: Path) -> None:
    assert suite.counts(tmp_path / "none.xml") == (0, 1)


def test_all_steps_run_after_a_failure_and_the_last_line_is_the_total(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = [
        _python("lint", "raise SystemExit(3)"),
        _python("unit", "print('pytest says'); " + _writes(_REPORT), counts=True),
        _python("more", _writes('<testsuite tests="3"/>'), counts=True),
    ]
    assert suite.run(steps, tmp_path / "work") == 1
    lines = capfd.readouterr().out.splitlines()
    assert "pytest says" in lines
    assert lines[-1] == "7 passed, 2 failed"
    assert [line.split()[:3] for line in lines if line.startswith(("lint  ", "unit  "))] == [
        ["lint", "failed", "(3)"],
        ["unit", "passed", "6"],
    ]


def test_a_step_whose_tests_could_not_run_is_told_from_one_whose_tests_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = [
        _python("unit", _writes(_REPORT) + "; raise SystemExit(1)", counts=True),
        _python("whole", "raise SystemExit('lend: port 1 is held')", counts=True),
    ]
    assert suite.run(steps, tmp_path / "work") == 1
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[1:4] for line in lines if line.startswith(("unit  ", "whole  "))] == [
        ["failed", "(1)", "6"],
        ["not", "run", "(1)"],
    ]
    assert [line for line in lines if line.startswith("whole: no test has failed")]
    assert not [line for line in lines if line.startswith("unit: no test has failed")]
    assert lines[-1] == "4 passed, 3 failed"


def test_a_step_beside_another_is_printed_after_it_and_fails_the_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flag = tmp_path / "flag"
    rules = _python("rules", f"print('rules say'); open({str(flag)!r}, 'w').close(); raise SystemExit(3)")
    waits = f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(.01)\nprint('unit says')"
    unit = suite.Step("unit", (sys.executable, "-c", waits), beside=(rules, suite.Step("none", ("no-such-program",))))
    assert suite.run([unit], tmp_path / "work") == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines.index("unit says") < lines.index("rules say")
    assert [line.split()[:2] for line in lines if line.startswith(("unit  ", "rules  ", "none  "))] == [
        ["unit", "passed"],
        ["rules", "failed"],
        ["none", "failed"],
    ]


def test_of_a_step_beside_an_interrupted_one_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "pid"

    def interrupted(_argv: object, _environment: object) -> int:
        while not written.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(attend, "run", interrupted)
    sleeps = (
        f"import os, time; open('{written}.part', 'w').write(str(os.getpid())); "
        f"os.rename('{written}.part', '{written}'); time.sleep(600)"
    )
    with pytest.raises(KeyboardInterrupt):
        suite.run([suite.Step("unit", ("true",), beside=(_python("rules", sleeps),))], tmp_path / "work")
    assert not Path(f"/proc/{written.read_text()}").exists()


def test_the_status_is_nought_when_every_step_passed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite.run([_python("unit", _writes('<testsuite tests="3"/>'), counts=True)], tmp_path / "work") == 0
    assert capfd.readouterr().out.endswith("\n3 passed, 0 failed\n")


def test_a_missing_program_fails_its_step_and_says_where_the_cure_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert suite.run([suite.Step("rules", ("no-such-program",))], tmp_path / "work") == 1
    assert "no-such-program is missing; `make doctor` says how" in capfd.readouterr().out


def test_steps_find_promtool_and_the_environment_on_their_path(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    suite.run([_python("path", "import os; print('path is', os.environ['PATH'])")], tmp_path / "work")
    path = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("path is"))
    assert path.endswith(f":{tmp_path}")
    assert ".venv/bin:" in path


def test_without_promtool_the_other_steps_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def missing(_package: str) -> Path:
        raise terminal.StepFailed("promtool is missing: apt-get install -y prometheus")

    monkeypatch.setattr(prometheus, "ensure", missing)
    assert suite.run([_python("lint", "")], tmp_path / "work") == 0
    assert "apt-get install -y prometheus" in capfd.readouterr().out


def test_every_step_has_its_own_name() -> None:
    names = [entry.name for step in suite.STEPS for entry in (step, *step.beside)]
    assert len(set(names)) == len(names)


def _tests_on_real_parts(folder: Path, body: str, *arguments: str) -> suite.Step:
    (folder / "test_some.py").write_text(f"import os\n\n\ndef test_good(): pass\n{body}")
    argv = (sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={folder}", str(folder), *arguments)
    return suite.Step("whole", argv, counts=True, again=True)


def test_a_test_that_fails_once_on_the_real_parts_runs_alone_once_more_and_both_are_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    flag = tmp_path / "flag"
    body = (
        f"def test_unsteady():\n    if not os.path.exists({str(flag)!r}): open({str(flag)!r}, 'w'); assert 0, 'once'\n"
    )
    step = _tests_on_real_parts(tmp_path, body, "-p", "xdist.plugin", "-n", "1")
    assert suite.run([step], tmp_path / "work") == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[1:5] for line in lines if line.startswith("whole  ")] == [["passed,", "1", "again", "2"]]
    assert [line for line in lines if "AssertionError: once" in line]
    assert [line for line in lines if line.startswith("test_some.test_unsteady failed, and passed alone")]
    assert lines[-1] == "2 passed, 0 failed"


@pytest.mark.parametrize(("failing", "tries"), [(1, 2), (suite.AGAIN_TESTS_MAX, 2), (suite.AGAIN_TESTS_MAX + 1, 1)])
def test_what_fails_again_or_with_others_has_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, failing: int, tries: int
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    tried = tmp_path / "tried"
    bodies = [f"def test_{n}():\n    print('x', file=open({str(tried)!r}, 'a')); assert 0\n" for n in range(failing)]
    assert suite.run([_tests_on_real_parts(tmp_path, "".join(bodies))], tmp_path / "work") == 1
    assert capfd.readouterr().out.endswith(f"\n1 passed, {failing} failed\n")
    assert len(tried.read_text().split()) == failing * tries


def test_only_what_stands_on_the_real_parts_is_tried_again() -> None:
    steps = [entry for step in suite.STEPS for entry in (step, *step.beside)]
    assert all(("real" in step.argv) == step.again for step in steps)
