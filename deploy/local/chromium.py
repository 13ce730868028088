"""Chromium for the tests of the pages: the system's own, or Debian's packages unpacked here."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import debian, places, terminal
from deploy.local.alone import alone

PACKAGES = ("chromium", "fonts-dejavu-core")
"""Its fonts hold Latin, Greek, Cyrillic, Arabic and Hebrew letters."""
CURE = f"apt-get install -y {' '.join(PACKAGES)}"
_UNPACKED = places.LOCAL / "chromium"
_PROGRAM = _UNPACKED / "usr" / "lib" / "chromium" / "chromium"
_LIBRARIES = _UNPACKED / "usr" / "lib"


@dataclass(frozen=True)
class Chromium:
    """A browser that can be started.

    Attributes:
        program: What is run.
        environment: Added to that of whoever starts it.
    """

    program: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def find() -> Chromium | None:
    """Return the browser, or None when it is neither installed nor unpacked."""
    installed = shutil.which("chromium")
    if installed is not None:
        return Chromium(Path(installed))
    if not _PROGRAM.exists():
        return None
    libraries = [str(path) for path in (*_LIBRARIES.glob("*-linux-gnu"), *_LIBRARIES.glob("*-linux-gnu/pulseaudio"))]
    before = os.environ.get("LD_LIBRARY_PATH", "")
    environment = {
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, *([before] if before else [])]),
        "XDG_DATA_HOME": str(_UNPACKED / "usr" / "share"),
    }
    if not Path("/etc/fonts").exists():
        environment["FONTCONFIG_PATH"] = str(_UNPACKED / "etc" / "fonts")
    return Chromium(_PROGRAM, environment)


def ensure() -> Chromium:
    """Return the browser, fetched first when the system has none.

    Raises:
        StepFailed: It cannot be fetched; the text ends with how to install it.
    """
    found = find()
    if found is None:
        with alone(_UNPACKED.with_suffix(".lock")):
            found = find() or _fetched()
    if found is None:
        raise terminal.StepFailed(f"Debian's package holds no chromium: {CURE}")
    return found


def _fetched() -> Chromium | None:
    with terminal.step("chromium: fetching Debian's packages (100 MB, once)"):
        debian.unpack([*PACKAGES, *_others()], _UNPACKED, CURE)
    return find()


def _others() -> list[str]:
    """Return what the browser needs that the system lacks."""
    if shutil.which("apt-get") is None:
        return []
    return [name for name in debian.lacking(PACKAGES) if name not in PACKAGES]
