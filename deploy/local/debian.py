"""Debian's packages unpacked here: no root is needed and nothing of the system is changed.

apt checks the packages' signatures as ever.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.local import places, terminal


def unpack(packages: Sequence[str], folder: Path, cure: str) -> None:
    """Fetch these packages and unpack them into one folder, whole or not at all.

    Raises:
        StepFailed: They cannot be fetched; the text ends with the cure.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise terminal.StepFailed(f"{packages[0]} is not on the path and this is no Debian; there it is {cure}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.LOCAL) as name:
        scratch = Path(name)
        try:
            download(packages, scratch)
        except terminal.StepFailed as fault:
            raise terminal.StepFailed(f"{fault}\n{packages[0]} is missing: {cure}") from fault
        for archive in sorted(scratch.glob("*.deb")):
            terminal.run(["dpkg-deb", "--extract", archive, scratch / "unpacked"], cwd=scratch)
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "unpacked").rename(folder)


def download(packages: Sequence[str], scratch: Path) -> None:
    """Let apt put packages into a folder, with package lists of our own where the system keeps none."""
    try:
        terminal.run(["apt-get", "download", *packages], cwd=scratch)
    except terminal.StepFailed:
        own = _own_lists(scratch)
        terminal.run(["apt-get", *own, "update"], cwd=scratch)
        terminal.run(["apt-get", *own, "download", *packages], cwd=scratch)


def _own_lists(scratch: Path) -> tuple[str, ...]:
    lists, cache = scratch / "lists", scratch / "cache"
    for folder in (lists / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    return ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}", "-o", "Debug::NoLocking=true")


def lacking(packages: Sequence[str]) -> list[str]:
    """Return these packages and what they need, without what the system has already.

    Raises:
        StepFailed: They are not known to apt.
    """
    with tempfile.TemporaryDirectory(dir=places.LOCAL) as name:
        scratch = Path(name)
        simulated = ("--simulate", "--no-install-recommends", "install", *packages)
        try:
            text = terminal.told(["apt-get", *simulated], cwd=scratch)
        except terminal.StepFailed:
            own = _own_lists(scratch)
            terminal.run(["apt-get", *own, "update"], cwd=scratch)
            text = terminal.told(["apt-get", *own, *simulated], cwd=scratch)
    return [line.split()[1] for line in text.splitlines() if line.startswith("Inst ")]
