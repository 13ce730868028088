"""The same measurement of another revision: its services, this tree's bench and environment."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local import places

SHARED = (".venv", ".local")
"""What a revision is run with that is in no revision: the packages, and broker and store as they were installed."""


class NotMeasured(Exception):
    """A revision could not be measured; the text says why."""


def measure(revision: str, units: int, labels: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures of a revision's services, as `report.as_json` has them.

    Raises:
        NotMeasured: there is no such revision, or it does not run in this environment.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        _git("worktree", "add", "--detach", "--force", str(root), revision)
        try:
            shutil.rmtree(root / "bench", ignore_errors=True)
            shutil.copytree(places.ROOT / "bench", root / "bench", ignore=shutil.ignore_patterns("__pycache__"))
            for name in SHARED:
                (root / name).symlink_to(places.ROOT / name)
            say(f"the whole of {revision}")
            figures = Path(folder) / "figures.json"
            argv = [str(places.PYTHON), "-m", "bench.whole", str(units), str(labels), str(figures)]
            done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotMeasured(f"{revision} does not run here: {done.stderr.strip()[-1_000:]}")
            found: dict[str, Any] = json.loads(figures.read_text())
            return found
        finally:
            _git("worktree", "remove", "--force", str(root))


def _git(*argv: str) -> None:
    done = subprocess.run(["git", *argv], cwd=places.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMeasured(f"git {argv[0]} {argv[-1]}: {done.stderr.strip()}")
