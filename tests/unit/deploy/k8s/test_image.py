"""The image, by reading its recipe: there is no engine here that could build it."""

import ast
import importlib.metadata
import re
import shlex
import sys

import pytest

from deploy.k8s import hardening
from deploy.k8s.render import ROOT

Stage = list[tuple[str, str]]
"""Instructions with their arguments."""


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines()
    found: list[Stage] = []
    for line in filter(None, lines):
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, arguments))
    return found


def _of(stage: Stage, instruction: str) -> list[str]:
    return [arguments for name, arguments in stage if name == instruction]


def test_packages_are_held_against_their_hashes_in_a_stage_of_their_own(stages: list[Stage]) -> None:
    packages, image = stages
    assert [_of(stage, "FROM")[0].split()[0] for stage in stages] == ["python:3.11-slim"] * 2
    (install,) = [run for run in _of(packages, "RUN") if "pip install" in run]
    words = shlex.split(install)
    assert {"--require-hashes", "--no-deps", "-r"} <= set(words)
    assert words[words.index("-r") + 1] == _of(packages, "COPY")[0].split()[1]
    assert _of(packages, "COPY")[0].split()[0] == "requirements/run.txt"
    assert not any("pip" in run for run in _of(image, "RUN"))


def test_every_locked_package_has_a_hash() -> None:
    lock = (ROOT / "requirements" / "run.txt").read_text()
    packages = re.findall(r"(?m)^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==[^\s]+ \\\n\s+--hash=sha256:[0-9a-f]{64}", lock)
    assert len(packages) == len(re.findall(r"(?m)^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==", lock)) > 20


def test_it_runs_as_the_user_that_the_cluster_asks_for(stages: list[Stage]) -> None:
    image = stages[-1]
    assert _of(image, "USER") == [f"{hardening.USER}:{hardening.USER}"]
    # Nothing after it may need root.
    after = [name for name, _ in image[[name for name, _ in image].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert f"--uid {hardening.USER}" in " ".join(_of(image, "RUN"))


def test_its_argument_is_the_module_of_a_service(stages: list[Stage]) -> None:
    image = stages[-1]
    assert _of(image, "ENTRYPOINT") == ['["python", "-m"]']
    assert _of(image, "CMD") == ['["services.ingest"]']


def test_what_it_copies_is_there_and_not_ignored(stages: list[Stage]) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    sources = {
        source
        for stage in stages
        for arguments in _of(stage, "COPY")
        if not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }
    assert sources == let_in == {"requirements/run.txt", "concord", "services", "workbench"}
    assert all((ROOT / source).exists() for source in sources)


EXTRA = ROOT / "concord/privacy/presidio.py"
"""Imported where a deployment asks for it alone, which then has an image with the extra's packages in it."""


def test_what_the_services_import_is_in_the_image() -> None:
    lock = (ROOT / "requirements" / "run.txt").read_text()
    locked = {_normal(name) for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", lock)}
    distributions = importlib.metadata.packages_distributions()
    inside = {"concord", "services", "workbench", *sys.stdlib_module_names}
    left_out = {
        ROOT / line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("concord/")
    }
    for path in (path for folder in ("concord", "services", "workbench") for path in (ROOT / folder).rglob("*.py")):
        if left_out & set(path.parents) or path == EXTRA:
            continue
        for name in _imported(ast.parse(path.read_text())) - inside:
            assert {_normal(key) for key in distributions.get(name, [])} & locked, f"{path} imports {name}"


def test_no_service_imports_what_is_left_out_of_the_image() -> None:
    for path in (path for folder in ("concord", "services", "workbench") for path in (ROOT / folder).rglob("*.py")):
        if ROOT / "concord" / "client" not in path.parents:
            assert "concord.client" not in path.read_text(), path


def _imported(module: ast.Module) -> set[str]:
    """Return the top-level packages that a module imports, wherever in it."""
    names: list[str] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return {name.partition(".")[0] for name in names}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
