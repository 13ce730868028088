"""Where the local stack keeps things. All of it is ignored by git and made anew when it is gone."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
KAFKA = LOCAL / "kafka"
# The stack of `make up`. Others (tests, demo) live beside it, so that `make down` finds them all below LOCAL.
STACK = LOCAL / "stack"


def data(folder: Path) -> Path:
    """Return where a stack living in `folder` keeps what must survive a restart."""
    return folder / "data"


def logs(folder: Path) -> Path:
    """Return where the processes of a stack living in `folder` write."""
    return folder / "log"
