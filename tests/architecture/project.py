"""The project as its own tests read it: where it is, what is in it, and its modules as syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "concord" / "contracts" / "v1"
SHIPPED = ("concord", "services", "cli", "simulation", "demo", "bench", "deploy", "proto", "workbench")
"""The folders of code that is not a test; some may not be there yet."""
SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files under version control that are there, in order; a source tree without git is read whole."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        found = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts[len(ROOT.parts) :])
        ]
    else:
        found = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return tuple(sorted(path for path in found if path.is_file()))


def modules(*folders: str) -> Iterator[Path]:
    """Yield the hand-written Python modules in these top folders."""
    for path in tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders and GENERATED not in path.parents:
            yield path


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name(path: Path) -> str:
    """Return a file's path from the project's root, for messages."""
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
