"""The front-end parts that others made: one list with version, licence and hashes, fetched anew and held against it."""

import base64
import hashlib
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "pages" / "vendor"
LIST = "vendor.toml"
INTEGRITY = "sha512"


class NotAsListed(Exception):
    """A part is not what the list says; the text names it and what to do."""


@dataclass(frozen=True, slots=True)
class VendoredFile:
    """One file of a package.

    Attributes:
        path: in the package.
        name: here.
        sha256: of its content, hex.
    """

    path: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class VendoredPackage:
    """One package of the npm registry.

    Attributes:
        integrity: of its archive, as npm writes it.
        licence: under which it may be handed on.
        why: what it is here for.
    """

    name: str
    version: str
    integrity: str
    licence: str
    why: str
    files: tuple[VendoredFile, ...]


def listed(folder: Path = FOLDER) -> tuple[VendoredPackage, ...]:
    """Return the list."""
    packages = tomllib.loads((folder / LIST).read_text())["package"]
    return tuple(
        VendoredPackage(**{**package, "files": tuple(VendoredFile(**file) for file in files)})
        for package in packages
        for files in [package.pop("file")]
    )


def faults(folder: Path = FOLDER) -> Iterator[str]:
    """Yield what is not as the list says, as sentences."""
    known = {file.name: file.sha256 for package in listed(folder) for file in package.files}
    there = {path.name for path in folder.iterdir()} - {LIST}
    for name in sorted(there - known.keys()):
        yield f"{name} is not listed; add it to {LIST}, or remove it"
    for name, sha256 in sorted(known.items()):
        if name not in there:
            yield f"{name} is missing; run python -m workbench.vendor"
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
            yield f"{name} was changed; run python -m workbench.vendor"


def fetch(folder: Path = FOLDER) -> None:
    """Fetch every listed package by npm and write its files anew.

    Raises:
        NotAsListed: the registry hands out something else than was listed; nothing of it is written.
        OSError, subprocess.CalledProcessError: npm is missing, or cannot fetch it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for package in listed(folder):
            archive = _packed(package, Path(scratch))
            for file, content in _files(package, archive):
                (folder / file.name).write_bytes(content)


def _packed(package: VendoredPackage, scratch: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    # npm's own client, so that its settings say where packages come from.
    argv = ["npm", "pack", wanted, "--ignore-scripts", "--silent"]
    process = subprocess.run(argv, cwd=scratch, check=True, capture_output=True, text=True)  # noqa: S603 - names of our list
    archive = scratch / process.stdout.split()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"{INTEGRITY}-{digest}" != package.integrity:
        raise NotAsListed(f"{wanted} is another archive than was listed; find out why before you list it anew")
    return archive


def _files(package: VendoredPackage, archive: Path) -> Iterator[tuple[VendoredFile, bytes]]:
    with tarfile.open(archive) as packed:
        for file in package.files:
            member = packed.extractfile(f"package/{file.path}")
            content = member.read() if member is not None else b""
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise NotAsListed(f"{file.path} of {package.name} is not what was listed")
            yield file, content
