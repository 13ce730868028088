import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from deploy.local import family, proc


def _start(folder: Path, name: str, layer: int, command: str) -> subprocess.Popen[bytes]:
    """Start a shell command as a member and return once it runs as such."""
    environment = {**os.environ, **family.mark(folder, layer, name)}
    child = subprocess.Popen(["sh", "-c", command], env=environment, stdin=subprocess.PIPE, start_new_session=True)
    while not any(member.identity.pid == child.pid for member in family.members(folder)):
        time.sleep(0.005)
    return child


def _stubborn(folder: Path, layer: int) -> subprocess.Popen[bytes]:
    """Start a member that does not end when it is asked to, and return once it does not."""
    deaf = folder / "deaf"
    child = _start(folder, "stubborn", layer, f"trap '' TERM; touch {deaf}; while true; do sleep 0.05; done")
    while not deaf.exists():
        time.sleep(0.005)
    return child


def test_members_are_found_in_the_order_in_which_they_were_started(tmp_path: Path) -> None:
    late = _start(tmp_path / "one", "service", 1, "exec sleep 60")
    early = _start(tmp_path / "one", "broker", 0, "exec sleep 60")
    other = _start(tmp_path / "two", "broker", 0, "exec sleep 60")
    assert [member.name for member in family.members(tmp_path / "one")] == ["broker", "service"]
    assert len(family.members(tmp_path)) == 3
    family.stop(tmp_path / "one")
    assert {early.wait(), late.wait()} == {-signal.SIGTERM}
    assert other.poll() is None
    family.stop(tmp_path)
    assert other.wait() == -signal.SIGTERM


def test_what_a_member_started_is_stopped_with_it_even_when_that_member_is_gone(tmp_path: Path) -> None:
    parent = _start(tmp_path, "service", 1, "sleep 60 & read end")
    parent.communicate(b"end")
    assert [member.leads for member in family.members(tmp_path)] == [False]
    family.stop(tmp_path)
    assert family.members(tmp_path) == []


def test_one_that_would_not_stop_is_killed_and_that_is_said(tmp_path: Path) -> None:
    stubborn = _stubborn(tmp_path, layer=0)
    names: list[str] = []
    family.stop(tmp_path, grace_seconds=0.2, say=names.append)
    assert stubborn.wait() == -signal.SIGKILL
    assert any("stubborn" in line and "was killed" in line for line in names)


def test_one_that_was_paused_is_stopped_as_gently_as_the_others(tmp_path: Path) -> None:
    paused = _start(tmp_path, "paused", 0, "exec sleep 60")
    paused.send_signal(signal.SIGSTOP)
    family.stop(tmp_path)
    assert paused.wait() == -signal.SIGTERM


def test_a_second_interruption_while_stopping_kills_the_rest_at_once(tmp_path: Path) -> None:
    stubborn = _stubborn(tmp_path, layer=1)
    below = _start(tmp_path, "broker", 0, "exec sleep 60")

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            family.stop(tmp_path)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (stubborn.wait(), below.wait()) == (-signal.SIGKILL, -signal.SIGKILL)


def test_this_very_process_is_never_a_member_by_having_set_the_mark_for_others(tmp_path: Path) -> None:
    own = proc.status(os.getpid())
    assert own is not None
    _start(tmp_path, "one", 0, "exec sleep 60")
    assert own.identity not in [member.identity for member in family.members(tmp_path)]
    family.stop(tmp_path)
