import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import family, places, proc
from deploy.local.ports import free_port
from deploy.local.processes import NotStarted, Processes, Program
from tests.support.patience import PATIENCE_SECONDS

Toy = Callable[..., Program]


def _wait(condition: Callable[[], bool]) -> None:
    """Wait until it holds; the bound only ends a broken test."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def _within(seconds: float, does: Callable[[], object]) -> None:
    """Do it, and fail when it does not come back; the bound only ends a broken test."""
    doing = threading.Thread(target=does, daemon=True)
    doing.start()
    doing.join(seconds)
    assert not doing.is_alive(), "it waits for something that does not come"


def _names(folder: Path) -> list[str]:
    return [member.name for member in family.members(folder) if member.leads]


def test_layers_start_in_order_and_stop_in_reverse(tmp_path: Path, toy: Toy, diary: Path) -> None:
    names: list[str] = []
    processes = Processes(tmp_path, names.append)
    processes.start([toy("broker"), toy("store")], layer=0)
    processes.start([toy("service")], layer=1)
    assert _names(tmp_path)[2] == "service"
    processes.stop()
    lines = diary.read_text().splitlines()
    assert (set(lines[:2]), lines[2]) == ({"started broker", "started store"}, "started service")
    assert (lines[3], set(lines[4:])) == ("stopped service", {"stopped broker", "stopped store"})
    assert [line.split()[1] for line in names] == ["ready"] * 3 + ["stopped"] * 3
    processes.stop()  # harmless


def test_a_port_in_use_is_refused_with_who_holds_it_and_nothing_is_started(tmp_path: Path, toy: Toy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(NotStarted, match=rf"port {port} of ingest is held by process {os.getpid()} .*OFFSET"):
            Processes(tmp_path).start([toy("broker"), toy("ingest", port)], layer=0)
    assert _names(tmp_path) == []


def test_a_listener_that_is_not_the_program_itself_is_no_readiness(tmp_path: Path, toy: Toy) -> None:
    with socket.socket() as late:
        port = free_port()
        honest = toy("ingest")

        def ready() -> bool:
            if honest.ready():
                late.bind(("127.0.0.1", port))
                late.listen()
                return True
            return False

        processes = Processes(tmp_path)
        with pytest.raises(NotStarted, match=rf"port {port} of ingest is answered by process {os.getpid()}"):
            processes.start([Program("ingest", honest.argv, ports=(port,), ready=ready)], layer=0)
        processes.stop()


def test_one_that_ends_before_it_is_ready_is_told_with_its_last_lines(tmp_path: Path) -> None:
    failing = Program("ingest", ("sh", "-c", "echo cannot read the settings; exit 3"), ready=lambda: False)
    processes = Processes(tmp_path)
    with pytest.raises(NotStarted, match=r"(?s)ingest ended with status 3 .*cannot read the settings"):
        processes.start([failing], layer=0)
    processes.stop()


def test_one_that_is_late_is_told_with_its_log(tmp_path: Path) -> None:
    late = Program("ingest", ("sleep", "60"), ready=lambda: False, ready_seconds_max=0.1)
    processes = Processes(tmp_path)
    with pytest.raises(NotStarted, match=r"(?s)ingest was not ready within 0 s; see .*ingest\.log"):
        processes.start([late], layer=0)
    processes.stop()


def test_an_abandoned_start_gives_up(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    threading.Timer(0.1, processes.abandon).start()
    with pytest.raises(NotStarted, match="abandoned"):
        processes.start([Program("ingest", ("sleep", "60"), ready=lambda: False)], layer=0)
    processes.stop()


def test_a_kill_and_the_restart_that_it_brings_about_may_meet(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread kills; another, which looks after the stack, starts again what has ended before the first is done."""
    processes = Processes(tmp_path)
    processes.start([toy("service")], layer=0)
    before, kill, met = processes.pid("service"), family.kill, threading.Event()

    def kill_and_be_overtaken(members: list[family.Member]) -> None:
        kill(members)
        if not met.is_set():
            met.set()
            processes.restart("service")

    monkeypatch.setattr(family, "kill", kill_and_be_overtaken)
    killing = threading.Thread(target=processes.kill, args=("service",), daemon=True)
    killing.start()
    killing.join(PATIENCE_SECONDS)
    after = processes.pid("service")
    assert not killing.is_alive(), "it waits for the new process to end"
    assert after != before
    _within(PATIENCE_SECONDS, processes.stop)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_was_started_a_moment_ago_is_ended_though_linux_does_not_show_it_as_ours_yet(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    processes = Processes(tmp_path)
    processes.start([toy("service")], layer=0)
    pid = processes.pid("service")
    with monkeypatch.context() as unseen:
        unseen.setattr(proc, "variable", lambda *_: None)
        _within(PATIENCE_SECONDS, processes.stop if how == "stop" else lambda: processes.kill("service"))
        seen = proc.status(pid)
        assert seen is None or not seen.running
    processes.stop()


def test_a_killed_program_starts_again_and_its_cpu_time_adds_up(tmp_path: Path, toy: Toy, diary: Path) -> None:
    processes = Processes(tmp_path)
    processes.start([toy("service", free_port())], layer=0)
    first, running = processes.pid("service"), processes.cpu_seconds("service")
    assert processes.ended() is None
    processes.kill("service")
    killed = processes.cpu_seconds("service")
    assert processes.ended() == "service"
    assert killed >= running
    assert killed > 0
    processes.restart("service")
    assert processes.pid("service") != first
    assert processes.cpu_seconds("service") >= killed
    assert processes.ended() is None
    processes.stop()
    assert processes.cpu_seconds("service") > killed
    assert diary.read_text().split("\n")[:-1] == ["started service", "started service", "stopped service"]


def test_a_second_command_takes_over_what_the_first_left_running(tmp_path: Path, toy: Toy, diary: Path) -> None:
    port = free_port()
    first = Processes(tmp_path)
    first.start([toy("ingest", port)], layer=0)
    first.detach()
    second = Processes(tmp_path)
    second.start([toy("ingest", port)], layer=0)
    assert second.pid("ingest") == first.pid("ingest")
    with pytest.raises(NotStarted, match=f"ingest of .* runs already at port {port}; `make down`"):
        Processes(tmp_path).start([toy("ingest", free_port())], layer=0)
    second.start([toy("assign")], layer=0)
    second.stop(spare={"ingest"})
    assert _names(tmp_path) == ["ingest"]
    second.stop()
    lines = ["started ingest", "started assign", "stopped assign", "stopped ingest"]
    assert diary.read_text().split("\n")[:-1] == lines
    first.stop()


def test_output_goes_to_a_log_that_is_set_aside_when_it_has_grown(tmp_path: Path, toy: Toy) -> None:
    log = places.logs(tmp_path) / "service.log"
    log.parent.mkdir()
    with log.open("wb") as grown:
        grown.truncate(20_000_001)
    processes = Processes(tmp_path)
    processes.start([toy("service")], layer=0)
    _wait(lambda: "toy service" in processes.tail("service"))
    processes.stop()
    assert log.read_text() == "toy service\n"
    assert log.with_suffix(".log.old").stat().st_size == 20_000_001


# Whoever runs these tests in the background has interruptions ignored, and what is begun inherits that.
_OWNER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from deploy.local.processes import Processes, Program
diary = Path(sys.argv[2])
processes = Processes(Path(sys.argv[1]))
toy = Program("service", tuple(sys.argv[3:]), ready=lambda: "started service" in diary.read_text())
try:
    processes.start([toy], layer=0)
    print("up", flush=True)
    time.sleep(60)
finally:
    processes.stop()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_owner_is_killed_or_interrupted(
    number: signal.Signals, tmp_path: Path, toy: Toy, diary: Path
) -> None:
    argv = [sys.executable, "-c", _OWNER, str(tmp_path), str(diary), *toy("service").argv]
    owner = subprocess.Popen(argv, cwd=places.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    assert _names(tmp_path) == ["service"]
    owner.send_signal(number)
    owner.wait()
    owner.stdout.close()
    _wait(lambda: _names(tmp_path) == [])
    assert "stopped service" in diary.read_text()
