"""What only the system can give: one line each, with the cure where it is missing."""

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from deploy.local import family, listeners, places, prometheus
from deploy.local.ports import Ports

_PYTHON_MIN = (3, 11)
_JAVA_MIN = 17
_FREE_BYTES_MIN = 4_000_000_000
_ANSWER_SECONDS_MAX = 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        what: Its name and the least that is needed.
        seen: What is there.
        cure: What to do, empty when nothing is missing.
    """

    what: str
    seen: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{'missing' if self.cure else 'ok':<8} {self.what:<24} {self.seen}" + (
            f"; {self.cure}" if self.cure else ""
        )


def everything(ports: Ports) -> list[Finding]:
    """Return every finding, what only `make test` needs and the ports included."""
    programs = [_linux(), _python(), _java(), _maven(), _disk(), _promtool(), *map(_of_the_guide, ("curl", "jq"))]
    return [*programs, *(_port(name, port) for name, port in ports.as_dict().items())]


def missing(own_broker: bool) -> list[Finding]:
    """Return what is missing of that without which nothing can be set up, the broker's needs where it is ours."""
    findings = [_linux(), _python(), _disk(), *([_java(), _maven()] if own_broker else [])]
    return [finding for finding in findings if finding.cure]


def java_version(text: str) -> int | None:
    """Return the feature release in what ``java -version`` prints; None when it is none. 1.8 counts as 8."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def _of_the_guide(program: str) -> Finding:
    # What the guide's walk calls: without it `make test` leaves the walk out, and says so.
    found = shutil.which(program)
    return Finding(f"{program} (for the guide)", found or "none", "" if found else f"apt-get install -y {program}")


def _linux() -> Finding:
    # Processes are found and ports are named by what Linux writes to /proc.
    cure = "" if sys.platform == "linux" else "run it on Linux, or in a Linux container or virtual machine"
    return Finding("Linux", sys.platform, cure)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    what = f"Python >= {_PYTHON_MIN[0]}.{_PYTHON_MIN[1]} with venv"
    if importlib.util.find_spec("ensurepip") is None:
        return Finding(what, f"{version} without venv", "apt-get install -y python3-venv")
    return Finding(what, version)


def _java() -> Finding:
    what, cure = f"Java >= {_JAVA_MIN}", "apt-get install -y default-jre-headless"
    version = java_version(_answer("java", "-version"))
    if version is None:
        return Finding(what, "no java on the path", cure)
    return Finding(what, str(version), "" if version >= _JAVA_MIN else cure)


def _maven() -> Finding:
    found = re.search(r"Apache Maven ([\d.]+)", _answer("mvn", "-version"))
    if found is None:
        return Finding("Maven", "no mvn on the path", "apt-get install -y maven")
    return Finding("Maven", found.group(1))


def _promtool() -> Finding:
    found = {package: prometheus.find(package) for package in (prometheus.PROMETHEUS, prometheus.ALERTMANAGER)}
    what, folder = "promtool, amtool (make test)", found[prometheus.PROMETHEUS]
    if None in found.values() and shutil.which("apt-get"):
        return Finding(what, "make test unpacks Debian's packages under .local")
    if None in found.values():
        folder = None
    return Finding(what, str(folder)) if folder else Finding(what, "not on the path", prometheus.CURE)


def _disk() -> Finding:
    free = shutil.disk_usage(places.ROOT).free
    what = f"{_FREE_BYTES_MIN / 1e9:.0f} GB of free disk"
    cure = "" if free >= _FREE_BYTES_MIN else f"make room on the file system of {places.ROOT}"
    return Finding(what, f"{free / 1e9:.0f} GB", cure)


def _port(name: str, port: int) -> Finding:
    held = listeners.listeners(port)
    if not held:
        return Finding(f"port {port}", f"free for {name}")
    own = {member.identity.pid for member in family.members(places.LOCAL)}
    if held[0].pid in own:
        return Finding(f"port {port}", f"used by our own {name}")
    return Finding(f"port {port}", f"held by {held[0]}", "stop it, or set CONCORD_PORT_OFFSET=100")


def _answer(*argv: str) -> str:
    """Return all that a program prints, or nothing when it is not there."""
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=_ANSWER_SECONDS_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout + ended.stderr
