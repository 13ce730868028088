"""The peers' own environment, `.venv-peers`: made from its hashed lock on first use, and again when that changes."""

import hashlib
import shutil
import sys
from pathlib import Path

from deploy.local import places, terminal

LOCK = places.ROOT / "requirements" / "peers.txt"
FOLDER = places.ROOT / ".venv-peers"
_MARK = "made-from"


def ensure(folder: Path = FOLDER, lock: Path = LOCK) -> Path:
    """Return the interpreter that has the peers; milliseconds when it is there, about a minute when not.

    Raises:
        StepFailed: The environment could not be made, or a package is not the one whose hash is locked.
    """
    python = folder / "bin" / "python"
    mark = folder / _MARK
    # The mark is written last, so an interrupted build is never used.
    if not mark.exists() or mark.read_text() != _key(lock):
        shutil.rmtree(folder, ignore_errors=True)
        with terminal.step("peers: making their environment, .venv-peers"):
            terminal.run([sys.executable, "-m", "venv", folder], cwd=places.ROOT)
        packages = sum("==" in line for line in lock.read_text().splitlines())
        with terminal.step(f"peers: installing {packages} packages, each held against its hash (once)"):
            pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
            terminal.run([*pip, "install", "--require-hashes", "-r", lock], cwd=places.ROOT)
        mark.write_text(_key(lock))
    return python


def _key(lock: Path) -> str:
    """Return what the environment depends on."""
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
