"""The virtual environment, built from the hashed lock.

An environment is built under ``.local/environments/`` in a folder named after what it depends on, and ``.venv``
points to it only once it is whole. So an interrupted build is never used, a changed lock never mixes with an old
environment, and a second run only reads the link.
"""

import hashlib
import json
import shutil
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from deploy.local import places, terminal

_WHOLE = "whole"
_KEY_LENGTH = 16


class Environment:
    """The virtual environment of one checkout."""

    def __init__(self, root: Path = places.ROOT) -> None:
        self._root = root
        self._lock = root / "requirements" / "develop.txt"
        self._link = root / ".venv"
        self._folder = root / ".local" / "environments" / self._key()

    def is_done(self) -> bool:
        """Return whether the environment is whole and in its place."""
        return (self._folder / _WHOLE).exists() and self._link.resolve() == self._folder

    def ensure(self) -> None:
        """Build the environment unless it is there; takes milliseconds when it is.

        Raises:
            StepFailed: The environment could not be made, or a package is not the one whose hash is locked.
        """
        if not (self._folder / _WHOLE).exists():
            self._build()
        if self._link.resolve() != self._folder:
            self._point_to_it()

    def _key(self) -> str:
        """Return what an environment depends on: the lock, the project's own metadata, the interpreter, the place."""
        settings = tomllib.loads((self._root / "pyproject.toml").read_text())
        metadata = [settings["build-system"], settings["project"], settings["tool"]["setuptools"]]
        known = json.dumps([metadata, self._lock.read_text(), sys.version, str(self._root)])
        return hashlib.sha256(known.encode()).hexdigest()[:_KEY_LENGTH]

    def _build(self) -> None:
        terminal.say("environment: made anew, which takes some minutes the first time; later it is there at once")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with terminal.step(f"environment: making it with Python {sys.version.split()[0]}"):
            terminal.run([sys.executable, "-m", "venv", self._folder], cwd=self._root)
        packages = sum("==" in line for line in self._lock.read_text().splitlines())
        with terminal.step(f"environment: installing {packages} packages, each held against its hash (once)"):
            self._pip("--require-hashes", "-r", self._lock)
        with terminal.step("environment: installing the project itself"):
            self._pip("--no-deps", "--no-build-isolation", "--editable", self._root)
        (self._folder / _WHOLE).touch()

    def _pip(self, *arguments: str | Path) -> None:
        pip = (self._folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
        terminal.run([*pip, "install", *arguments], cwd=self._root)

    def _point_to_it(self) -> None:
        """Let .venv name this environment in one step, and remove those it no longer names."""
        superseded = self._superseded()
        fresh = self._link.with_name(".venv.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._folder.relative_to(self._root), target_is_directory=True)
        if self._link.is_dir() and not self._link.is_symlink():
            # Made by hand. It may hold things that are not ours to delete.
            self._link.rename(self._link.with_name(".venv.by-hand"))
        fresh.replace(self._link)
        for folder in superseded:
            shutil.rmtree(folder, ignore_errors=True)

    def _superseded(self) -> Iterable[Path]:
        """Return the environments to remove: all but the new one and the last, which may still be running."""
        kept = {self._folder, self._link.resolve()}
        return [folder for folder in self._folder.parent.iterdir() if folder.resolve() not in kept]
