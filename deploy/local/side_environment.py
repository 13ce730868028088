"""Environments beside the project's own, `.venv-<name>`: made from their hashed locks, on first use and on a change.

The bench's peers live in one, the platforms that it holds the whole against in another, and the libraries that read our
exports back in tests in a third: what they pin, and how much they bring, is no business of what runs.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from deploy.local import places, terminal
from deploy.local.alone import alone

NAMES = ("peers", "platforms", "readers")
_MARK = "made-from"


def lock_of(name: str) -> Path:
    """Return the lock of an environment."""
    return places.ROOT / "requirements" / f"{name}.txt"


def folder_of(name: str) -> Path:
    """Return where an environment lies."""
    return places.ROOT / f".venv-{name}"


def ensure(name: str) -> Path:
    """Return the interpreter of an environment; milliseconds when it is there, a minute or two when not.

    Raises:
        StepFailed: The environment could not be made, or a package is not the one whose hash is locked.
    """
    folder = folder_of(name)
    # Several may ask at once; all but the first wait and find it there.
    with alone(folder / "lock"):
        return made(name, folder, lock_of(name))


def made(name: str, folder: Path, lock: Path) -> Path:
    """Return the interpreter of an environment in a folder; see `ensure`, which keeps others from it meanwhile."""
    inside = folder / "environment"
    python, mark = inside / "bin" / "python", inside / _MARK
    # The mark is written last, so an interrupted build is never used.
    if not mark.exists() or mark.read_text() != _key(lock):
        shutil.rmtree(inside, ignore_errors=True)
        with terminal.step(f"{name}: making their environment, {folder.name}"):
            terminal.run([sys.executable, "-m", "venv", inside], cwd=places.ROOT)
        packages = sum("==" in line for line in lock.read_text().splitlines())
        with terminal.step(f"{name}: installing {packages} packages, each held against its hash (once)"):
            pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
            terminal.run([*pip, "install", "--require-hashes", "-r", lock], cwd=places.ROOT)
        mark.write_text(_key(lock))
    return python


def _key(lock: Path) -> str:
    """Return what the environment depends on."""
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
