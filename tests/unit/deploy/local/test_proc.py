import os
import signal
import subprocess
import sys

from deploy.local import proc


def test_a_process_is_itself_only_with_its_start() -> None:
    seen = proc.status(os.getpid())
    assert seen is not None
    assert seen.running
    assert proc.is_running(seen.identity)
    assert not proc.is_running(proc.Identity(os.getpid(), seen.identity.started - 1))


def test_a_signal_does_not_reach_another_process_under_a_recycled_number() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        seen = proc.status(sleeper.pid)
        assert seen is not None
        proc.send(proc.Identity(sleeper.pid, seen.identity.started - 1), signal.SIGKILL)
        assert sleeper.poll() is None
        proc.send(seen.identity, signal.SIGKILL)
        assert sleeper.wait() == -signal.SIGKILL
    proc.send(seen.identity, signal.SIGKILL)  # gone: nothing happens


def test_an_ended_process_that_was_not_reaped_does_not_run() -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    seen = proc.status(ended.pid)
    assert seen is not None
    assert not seen.running
    ended.wait()
    assert proc.status(ended.pid) is None


def test_a_command_with_spaces_and_parentheses_in_its_name_is_read() -> None:
    program = "import time; open('/proc/self/comm', 'w').write('a) S 1 (b'); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-S", "-c", program], stdout=subprocess.PIPE) as odd:
        assert odd.stdout is not None
        odd.stdout.readline()
        seen = proc.status(odd.pid)
        assert seen is not None
        assert seen.running
        assert "time.sleep" in proc.command(odd.pid)
        odd.kill()


def test_a_variable_is_read_from_another_process() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"MARK": "a=b"}) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write(b"\n")
        other.stdin.flush()
        other.stdout.read(1)  # it runs by now
        assert proc.variable(other.pid, "MARK") == "a=b"
        assert proc.variable(other.pid, "MAR") is None
        other.stdin.close()
    assert proc.variable(other.pid, "MARK") is None
