"""Small real programs to start and stop."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import family, listeners
from deploy.local.processes import Program
from tests.support.patience import PATIENCE_SECONDS

# Notes its name in a file when it starts and when it is asked to stop; listens when given a port.
_TOY = """
import pathlib, signal, socket, sys, time
name, diary, port = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
def note(what):
    with diary.open("a") as book:
        book.write(f"{what} {name}\\n")
def stop(*_):
    note("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
if port:
    server = socket.create_server(("127.0.0.1", port))
note("started")
print("toy", name, flush=True)
while True:
    time.sleep(60)
"""

Toy = Callable[..., Program]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary"
    path.touch()
    return path


@pytest.fixture
def toy(diary: Path) -> Toy:
    """A builder of programs that are ready once they are in the diary, or once they listen when they have a port."""

    def build(name: str, port: int = 0) -> Program:
        def ready() -> bool:
            return listeners.accepts(port) if port else f"started {name}\n" in diary.read_text()

        argv = (sys.executable, "-S", "-c", _TOY, name, str(diary), str(port))
        return Program(
            name=name, argv=argv, ports=(port,) if port else (), ready=ready, ready_seconds_max=PATIENCE_SECONDS
        )

    return build


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> object:
    """Whatever a test does, no process of its stack may be left after it."""
    yield
    left = family.members(tmp_path)
    family.kill(left)
    assert [member.name for member in left] == []
