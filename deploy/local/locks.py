"""Write the locks anew: the hashed requirements from their `.in` files, and the hashes of Kafka's jars."""

import tempfile
from pathlib import Path

from deploy.local import places, terminal
from deploy.local.kafka import installation

# What develops stands on exactly what runs; the peers of the bench live apart, their pins are older.
_CONSTRAINED_BY = {"run": None, "develop": "run", "peers": None}


def write() -> None:
    """Resolve every requirement to its newest allowed version and write it down with its hashes.

    Raises:
        StepFailed: Something cannot be resolved or fetched; the text names it.
    """
    for name, constraint in _CONSTRAINED_BY.items():
        with terminal.step(f"lock: requirements/{name}.txt"):
            _compile(name, constraint)
    with terminal.step("lock: deploy/local/kafka/jars.sha256"), tempfile.TemporaryDirectory() as folder:
        jars = Path(folder)
        installation.fetch(jars)
        installation.lock(jars)


def _compile(name: str, constraint: str | None) -> None:
    constrained = ("--constraint", f"requirements/{constraint}.txt") if constraint else ()
    compiling = (
        places.ENVIRONMENT / "bin" / "uv",
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--python-version",
        "3.11",
    )
    files = (f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt")
    terminal.run([*compiling, "--upgrade", "--generate-hashes", *constrained, *files], cwd=places.ROOT)
