"""Prometheus and Alertmanager, beside a stack and for tests: the system's own, or Debian's packages unpacked here.

Unpacking needs no root and changes nothing of the system (`debian`).
"""

import shutil
from pathlib import Path

from deploy.local import debian, places, terminal
from deploy.local.alone import alone

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
        with alone(_UNPACKED.with_suffix(".lock")):
            found = find(package) or _fetched(package)
    if found is None:
        raise terminal.StepFailed(f"Debian's package holds no {' and '.join(_PROGRAMS[package])}: {CURE}")
    return found


def _unpacked(package: str) -> Path:
    return _UNPACKED / package


def _fetched(package: str) -> Path | None:
    with terminal.step(f"{package}: fetching Debian's package ({_MEGABYTES[package]} MB, once)"):
        debian.unpack([package], _unpacked(package), CURE)
    return find(package)
