"""Generate `concord/contracts/v1` from the .proto files: `python -m proto [--check]`."""

import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
GENERATED = Path("concord/contracts/v1")


def generate(into: Path) -> None:
    """Write `*_pb2.py` and `*_pb2.pyi` of every .proto file below `into`."""
    sources = sorted(str(path) for path in SOURCES.rglob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    stubs = Path(sys.executable).parent / "protoc-gen-mypy"
    status = protoc.main(
        [
            "protoc",
            f"-I{SOURCES}",
            f"-I{well_known}",
            f"--plugin=protoc-gen-mypy={stubs}",
            f"--python_out={into}",
            f"--mypy_out=quiet:{into}",
            *sources,
        ]
    )
    if status:
        raise SystemExit(f"protoc failed with {status}; its message stands above")


def differences(fresh: Path) -> list[str]:
    """Return the generated files that are missing, stale or left over in the project."""
    names = {path.name for tree in (fresh, ROOT) for path in (tree / GENERATED).glob("*_pb2.py*")}
    return [
        name
        for name in sorted(names)
        if not (fresh / GENERATED / name).exists()
        or not (ROOT / GENERATED / name).exists()
        or (fresh / GENERATED / name).read_bytes() != (ROOT / GENERATED / name).read_bytes()
    ]


def main(arguments: list[str]) -> int:
    """Regenerate in place, or with --check demand that nothing would change."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m proto [--check]", file=sys.stderr)
        return 2
    if not arguments:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differences(Path(folder))
    for name in stale:
        print(f"{GENERATED / name} does not match proto/: run `make proto` and commit what it writes")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
