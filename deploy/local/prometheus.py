"""Prometheus and Alertmanager, beside a stack and for tests: the system's own, or Debian's packages unpacked here.

Unpacking needs no root and changes nothing of the system; apt checks the packages' signatures as ever.
"""

import shutil
import tempfile
from pathlib import Path

from deploy.local import places, terminal

PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"
_PROGRAMS = {PROMETHEUS: ("prometheus", "promtool"), ALERTMANAGER: ("prometheus-alertmanager", "amtool")}
_MEGABYTES = {PROMETHEUS: 19, ALERTMANAGER: 10}
_UNPACKED = places.LOCAL / "prometheus"
CURE = f"apt-get install -y {PROMETHEUS} {ALERTMANAGER}"


def find(package: str = PROMETHEUS) -> Path | None:
    """Return the folder that holds a package's programs, or None when they are neither installed nor unpacked."""
    for path in (None, str(_unpacked(package) / "usr" / "bin")):
        found = [shutil.which(program, path=path) for program in _PROGRAMS[package]]
        if all(found):
            return Path(found[0] or "").parent
    return None


def ensure(package: str = PROMETHEUS) -> Path:
    """Return the folder that holds a package's programs, fetched first when the system has none.

    Raises:
        StepFailed: They cannot be fetched; the text ends with how to install them.
    """
    found = find(package)
    if found is None:
        with terminal.step(f"{package}: fetching Debian's package ({_MEGABYTES[package]} MB, once)"):
            _fetch(package)
        found = find(package)
    if found is None:
        raise terminal.StepFailed(f"Debian's package holds no {' and '.join(_PROGRAMS[package])}: {CURE}")
    return found


def _unpacked(package: str) -> Path:
    return _UNPACKED / package


def _fetch(package: str) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise terminal.StepFailed(f"{package} is not on the path and this is no Debian; there it is {CURE}")
    _UNPACKED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.LOCAL) as name:
        scratch = Path(name)
        try:
            _download(package, scratch)
        except terminal.StepFailed as fault:
            raise terminal.StepFailed(f"{fault}\n{package} is missing: {CURE}") from fault
        archive = next(scratch.glob(f"{package}_*.deb"))
        terminal.run(["dpkg-deb", "--extract", archive, scratch / "unpacked"], cwd=scratch)
        shutil.rmtree(_unpacked(package), ignore_errors=True)
        (scratch / "unpacked").rename(_unpacked(package))


def _download(package: str, scratch: Path) -> None:
    """Let apt put the package into a folder, with package lists of our own where the system keeps none."""
    try:
        terminal.run(["apt-get", "download", package], cwd=scratch)
    except terminal.StepFailed:
        lists, cache = scratch / "lists", scratch / "cache"
        for folder in (lists / "partial", cache / "archives" / "partial"):
            folder.mkdir(parents=True)
        own = ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}", "-o", "Debug::NoLocking=true")
        terminal.run(["apt-get", *own, "update"], cwd=scratch)
        terminal.run(["apt-get", *own, "download", package], cwd=scratch)
