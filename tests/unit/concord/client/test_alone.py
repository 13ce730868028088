"""The client alone: where the services' libraries are not installed it is imported, and says what an extra needs."""

import subprocess
import sys
import tomllib

import pytest

from tests.architecture.project import ROOT

SERVICES_ONLY = (
    "aiohttp", "aiokafka", "cramjam", "cryptography", "fastapi", "faust", "google", "httptools", "motor", "numpy",
    "opentelemetry", "phonenumbers", "prometheus_client", "pyarrow", "pydantic", "pymongo", "rapidfuzz", "re2",
    "rfc8785", "scipy", "shapely", "starlette", "stdnum", "uvicorn", "uvloop", "pandas", "datasets", "services",
)  # fmt: skip
BLOCKED = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {SERVICES_ONLY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def alone(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process in which none of these can be imported."""
    argv = [sys.executable, "-c", BLOCKED + program]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)


def test_the_client_is_imported_and_made_without_the_services_libraries() -> None:
    run = alone("import concord.client as c; c.Concord('t', c.Addresses()); c.AsyncConcord('t', c.Addresses())")
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("verb", [("projects",), ("import",), ("watch",), ("export",), ("lots", "wait"), ("annotate",)])
def test_the_command_is_there_without_the_services_libraries(verb: tuple[str, ...]) -> None:
    run = alone(f"import sys; sys.argv = ['concord', *{verb!r}, '--help']; from cli.main import main; main()")
    assert (run.returncode, "Usage: concord" in run.stdout) == (0, True), run.stderr


@pytest.mark.parametrize(
    ("program", "cure"),
    [
        ("from cli.main import main; sys.argv = ['concord', 'verify', 'a', 'b']; main()", "concord[verify]"),
        ("from concord.client import frames; frames.to_pandas(['x'])", "concord[pandas]"),
        ("from concord.client import frames; frames.to_datasets('x')", "concord[datasets]"),
        ("import concord.client.intake", "concord[kafka]"),
    ],
)
def test_what_is_an_extra_says_how_to_get_it(program: str, cure: str) -> None:
    run = alone(program)
    assert run.returncode != 0
    assert cure in " ".join(run.stderr.split())


def test_the_services_extra_is_the_list_that_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = (ROOT / "requirements/run.in").read_text().splitlines()
    wanted = {line for line in listed if line and not line.startswith("#")}
    assert set(project["optional-dependencies"]["services"]) == wanted
    assert set(project["dependencies"]) | set(project["optional-dependencies"]["verify"]) < wanted
