import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import attend, places
from tests.support.patience import PATIENCE_SECONDS


def test_the_status_of_the_program_is_returned() -> None:
    assert attend.run(["sh", "-c", "exit 7"], os.environ) == 7


def test_a_program_that_does_not_exist_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        attend.run(["no-such-program"], os.environ)


def test_an_interruption_is_passed_on_and_nothing_is_left(tmp_path: Path) -> None:
    note = tmp_path / "note"
    script = f"trap 'echo put away > {note}; exit 0' INT; sleep 60 & echo $! > {note}.pid; wait"
    owner = (
        # Whoever runs these tests in the background has it ignored, and what is begun inherits that.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import os, sys; from deploy.local import attend; attend.run(['sh', '-c', sys.argv[1]], os.environ)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", owner, script], cwd=places.ROOT, stderr=subprocess.DEVNULL
    ) as attending:
        started = tmp_path / "note.pid"
        while not started.exists() or not started.read_text().endswith("\n"):
            time.sleep(0.01)
        attending.send_signal(signal.SIGINT)
    assert note.read_text() == "put away\n"
    pid = int(started.read_text())
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:  # it was killed, and dies when it is next given the processor
        if not Path(f"/proc/{pid}/fd").is_dir() or _is_dead(pid):
            return
        time.sleep(0.01)
    raise AssertionError("what was begun beside it runs on")


def _is_dead(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state in "ZX"
