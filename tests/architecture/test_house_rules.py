"""Names, budgets and exceptions: what a reader may rely on in every module."""

import ast
import re
import statistics
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.project import GENERATED, ROOT, SHIPPED, imported, modules, name, tracked, tree

NAMES_THAT_SAY_NOTHING = {"common", "core", "utils", "util", "helpers", "helper", "base", "misc", "manager"}
VARIABLES_THAT_SAY_NOTHING = {"one", "said", "told"}
DRIVERS = {"motor", "pymongo", "bson", "gridfs"}
STORE = "concord/chassis/store/mongo.py"
DRIVEN = {
    STORE: "it is the store",
    "bench/services/bare_io.py": "what the store costs is told beside the bare driver",
    "bench/starts/journal.py": "a million documents are written in bulk, as their bytes",
    "bench/starts/template.py": "they are handed over in the driver's own form",
    "bench/starts/measure.py": "they are handed over in the driver's own form",
}
"""The modules that may name the driver, each with its reason."""

MODULE_LINES_MAX, TEST_LINES_MAX = 400, 500
FUNCTION_LINES_MAX = 70
MODULE_LINES_MEDIAN_MAX = 110
LONG_MODULES: dict[str, str] = {}
"""Modules over the budget, each with its reason: a long table may be long."""
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions over the budget, as `path:name`, each with its reason."""

ALL = (*SHIPPED, "tests")
EXCEPTION = re.compile(r"#\s*(?P<kind>noqa|type:\s*ignore)(?P<rest>[^\n]*)")
CODES = re.compile(r"(: ?[A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|\[[a-z-]+(, ?[a-z-]+)*\])(?P<reason>.*)")

# Where this machine or another keeps its things; a container's own folders are told in its manifest and its recipe.
MACHINE_PATH = re.compile(r"(?<![\w./:-])/(work|root|home|Users|mnt|tmp)(?=[/\s\"'`),]|$)")
CONTAINER_FILES = ("Dockerfile", "deploy/k8s/")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|repo1?\.maven|repo\.maven|artifactory",
    re.IGNORECASE,
)


def unreasoned(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line that makes an exception from lint or types without rule and reason.

    The reason stands behind the rule, or in a comment on the line above.
    """
    above = ""
    for number, line in enumerate(text.splitlines(), 1):
        for found in EXCEPTION.finditer(line):
            codes = CODES.match(found["rest"])
            reason = codes["reason"] + (above if above.lstrip().startswith("#") else "") if codes else ""
            if not re.search(r"[a-z]{2,}", reason):
                yield number, line.strip()
        above = line


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of every function of a module and its length in lines, its docstring left out."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            first = node.body[0]
            count = (
                first.lineno - (first.end_lineno or 0) - 1 if ast.get_docstring(node, clean=False) is not None else 0
            )
            yield f"{name(path)}:{node.name}", node.end_lineno - node.lineno + 1 + count


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every text file of the project with its text, this module left out: it names what it forbids."""
    for path in tracked():
        if path == Path(__file__) or GENERATED in path.parents:
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    for path in modules(*ALL):
        parts = {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
        assert not parts & NAMES_THAT_SAY_NOTHING, f"{name(path)} says nothing of what is in it"


def test_no_variable_has_a_name_that_says_nothing() -> None:
    for path in modules(*SHIPPED):
        parts = list(ast.walk(tree(path)))
        fields = {id(part.target) for kind in parts if isinstance(kind, ast.ClassDef)
                  for part in kind.body if isinstance(part, ast.AnnAssign)}  # fmt: skip
        stored = (part for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
        names = {part.id for part in stored if id(part) not in fields}
        names |= {part.arg for part in parts if isinstance(part, ast.arg)}
        assert not names & VARIABLES_THAT_SAY_NOTHING, f"{name(path)} has variables that are no nouns"


def test_every_constant_is_used() -> None:
    """A bound that nothing looks at is no bound, whatever stands beside it."""
    words = Counter(
        word for path in modules(*SHIPPED) for word in re.findall(r"[A-Z_][A-Z0-9_]+", path.read_text(encoding="utf-8"))
    )
    for path in modules(*SHIPPED):
        targets = [
            target
            for part in tree(path).body if isinstance(part, ast.Assign | ast.AnnAssign)
            for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
        ]  # fmt: skip
        names = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        assert not (unused := {text for text in names if words[text] == 1}), f"{name(path)} has unused {unused}"


def test_only_the_store_names_its_driver() -> None:
    for path in modules(*SHIPPED):
        roots = {key.split(".")[0] for key in imported(path)}
        assert name(path) in DRIVEN or not roots & DRIVERS, f"{name(path)} names a driver"
    assert {"motor", "pymongo"} <= {key.split(".")[0] for key in imported(ROOT / STORE)}


def test_modules_keep_their_budget() -> None:
    over = {}
    for path in modules(*ALL):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > (TEST_LINES_MAX if name(path).startswith("tests/") else MODULE_LINES_MAX):
            over[name(path)] = lines
    assert set(over) == set(LONG_MODULES), over


def test_functions_keep_their_budget() -> None:
    over = {text: lines for path in modules(*ALL) for text, lines in functions(path) if lines > FUNCTION_LINES_MAX}
    assert set(over) == set(LONG_FUNCTIONS), over


def test_half_of_the_modules_are_short() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*SHIPPED)]
    assert statistics.median(lengths) < MODULE_LINES_MEDIAN_MAX


def test_every_exception_from_lint_or_types_names_its_rule_and_its_reason() -> None:
    for path in modules(*ALL):
        if path != Path(__file__):
            found = [f"{name(path)}:{number}: {line}" for number, line in unreasoned(path.read_text(encoding="utf-8"))]
            assert not found


@pytest.mark.parametrize(
    ("text", "reasoned"),
    [
        ("x = 1  # noqa: S105 - a sentence", True),
        ("# It is a sentence.\nx = 1  # noqa: S105", True),
        ("y = 2\nx = 1  # noqa: S105", False),
        ("x = 1  # noqa", False),
        ("x = 1  # type: ignore[arg-type] # read from JSON", True),
        ("x = 1  # type: ignore # read from JSON", False),
        ("x = 1  # type: ignore[arg-type]", False),
    ],
)
def test_a_reason_is_told_from_none(text: str, reasoned: bool) -> None:
    assert (not list(unreasoned(text))) == reasoned


def test_every_rule_that_lint_leaves_out_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^ignore = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert len(tomllib.loads(text)["tool"]["ruff"]["lint"]["ignore"]) == len(re.findall(r'"[A-Z]+\d+"', block))
    for line in block.splitlines():
        assert "# " in line, f"{line.strip()} is left out without a reason"


def test_no_file_names_a_machine_or_a_registry() -> None:
    for path, text in texts():
        in_container = name(path).startswith(CONTAINER_FILES)
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{name(path)}:{number}: {line.strip()[:100]}"
            assert in_container or not MACHINE_PATH.search(line), where
            assert not REGISTRY.search(line), where


@pytest.mark.parametrize("text", ["see /tmp/x", "'/root'", "cd /work", "/home/me/x", "(/Users/a)"])
def test_a_path_of_a_machine_is_seen(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["https://example.org/home/", "a/work/b", "./tmp/x", "var/root", "/workbench", "/v1"])
def test_another_path_is_not_taken_for_one(text: str) -> None:
    assert not MACHINE_PATH.search(text)
