"""Prometheus and promtool for the tests of rules and dashboards: the system's own, or Debian's package unpacked here.

Unpacking needs no root and changes nothing of the system; apt checks the package's signature as ever.
"""

import shutil
import tempfile
from pathlib import Path

from deploy.local import places, terminal

_PROGRAMS = ("prometheus", "promtool")
_UNPACKED = places.LOCAL / "prometheus"
CURE = "apt-get install -y prometheus"


def find() -> Path | None:
    """Return the folder that holds both programs, or None when they are neither installed nor unpacked."""
    for path in (None, str(_UNPACKED / "usr" / "bin")):
        found = [shutil.which(program, path=path) for program in _PROGRAMS]
        if all(found):
            return Path(found[0] or "").parent
    return None


def ensure() -> Path:
    """Return the folder that holds both programs, fetched first when the system has none.

    Raises:
        StepFailed: They cannot be fetched; the text ends with how to install them.
    """
    found = find()
    if found is None:
        with terminal.step("prometheus: fetching Debian's package (19 MB, once)"):
            _fetch()
        found = find()
    if found is None:
        raise terminal.StepFailed(f"Debian's package holds no {' and '.join(_PROGRAMS)}: {CURE}")
    return found


def _fetch() -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise terminal.StepFailed(f"promtool is not on the path and this is no Debian; there it is {CURE}")
    places.LOCAL.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.LOCAL) as name:
        scratch = Path(name)
        try:
            _download(scratch)
        except terminal.StepFailed as fault:
            raise terminal.StepFailed(f"{fault}\npromtool is missing: {CURE}") from fault
        package = next(scratch.glob("prometheus_*.deb"))
        terminal.run(["dpkg-deb", "--extract", package, scratch / "unpacked"], cwd=scratch)
        shutil.rmtree(_UNPACKED, ignore_errors=True)
        (scratch / "unpacked").rename(_UNPACKED)


def _download(scratch: Path) -> None:
    """Let apt put the package into a folder, with package lists of our own where the system keeps none."""
    try:
        terminal.run(["apt-get", "download", "prometheus"], cwd=scratch)
    except terminal.StepFailed:
        lists, cache = scratch / "lists", scratch / "cache"
        for folder in (lists / "partial", cache / "archives" / "partial"):
            folder.mkdir(parents=True)
        own = ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}", "-o", "Debug::NoLocking=true")
        terminal.run(["apt-get", *own, "update"], cwd=scratch)
        terminal.run(["apt-get", *own, "download", "prometheus"], cwd=scratch)
