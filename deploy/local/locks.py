"""Write the locks anew: the hashed requirements from their `.in` files, and the hashes of Kafka's jars."""

import tempfile
from pathlib import Path

from deploy.local import places, terminal
from deploy.local.kafka import installation

# What develops stands on exactly what runs; the peers and platforms of the bench live apart, their pins are older. What
# reads exports back lives apart for its size, on the same pins.
_CONSTRAINED_BY = {"run": None, "develop": "run", "peers": None, "platforms": None, "presidio": "run", "readers": "run"}


def write(upgrade: bool = False, root: Path = places.ROOT) -> None:
    """Resolve every requirement and write it down with its hashes, and those of the broker's jars.

    What is locked stays locked while it satisfies what is required, so that a change of one requirement shows as that
    change; with `upgrade` everything moves to its newest allowed version.

    Raises:
        StepFailed: Something cannot be resolved or fetched; the text names it.
    """
    requirements(upgrade, root)
    with terminal.step("lock: deploy/local/kafka/jars.sha256"), tempfile.TemporaryDirectory() as folder:
        jars = Path(folder)
        installation.fetch(jars)
        installation.lock(jars)


def requirements(upgrade: bool, root: Path) -> None:
    """Resolve the requirements of Python alone; see `write`."""
    for name, constraint in _CONSTRAINED_BY.items():
        with terminal.step(f"lock: requirements/{name}.txt"):
            _compile(name, constraint, upgrade, root)


def _compile(name: str, constraint: str | None, upgrade: bool, root: Path) -> None:
    # uv keeps the versions that it finds in the file it writes, unless told to upgrade.
    options = (
        *("--quiet", "--no-header", "--python-version", "3.11", "--generate-hashes"),
        *(("--upgrade",) if upgrade else ()),
        *(("--constraint", f"requirements/{constraint}.txt") if constraint else ()),
    )
    files = (f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt")
    terminal.run([places.ENVIRONMENT / "bin" / "uv", "pip", "compile", *options, *files], cwd=root)
