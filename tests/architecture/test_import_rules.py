"""Every rule of `.importlinter` holds here, and is seen to fail once on a breach planted in a copy."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, SHIPPED, imported, modules, name

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
CONFIGURATION = ".importlinter"
UNPLACED = "services/audit/attic.py"

BREACHES = {
    "a service reaches up to the simulation": (
        "floors", "services/ingest/handlers/admission.py", "from simulation.house import House", "simulation.house"),
    "the chassis knows a service": (
        "floors", "concord/chassis/consumer/batch.py", "import services.audit.handlers", "services.audit.handlers"),
    "deployment imports what it starts": (
        "floors", "deploy/local/services.py", "import services.ingest.bootstrap", "services.ingest.bootstrap"),
    "quality uses labels": (
        "floors", "concord/quality/tally.py", "import concord.labels.choice", "concord.labels.choice"),
    "contracts count": (
        "contracts", "concord/contracts/ids.py", "import concord.quality.tally", "concord.quality.tally"),
    "a service calls its neighbour": (
        "neighbours", "services/assign/events.py", "import services.audit.domain.lot", "services.audit.domain.lot"),
    "a repository calls a use case": (
        "rooms", "services/ingest/repository/imports.py", "import services.ingest.handlers",
        "services.ingest.handlers"),
    "one door goes through the other": (
        "doors", "services/audit/events.py", "import services.audit.api", "services.audit.api"),
    "a use case calls a door": (
        "rooms", "services/ingest/handlers/admission.py", "import services.ingest.events", "services.ingest.events"),
    "a use case reads settings": (
        "rooms", "services/audit/handlers/verdicts.py", "import services.audit.settings", "services.audit.settings"),
    "a domain words events": (
        "rooms", "services/adjudicate/domain/unit.py", "import services.adjudicate.announcements",
        "services.adjudicate.announcements"),
    "a domain waits for the store": (
        "purity", "services/assign/domain/lease.py", "import concord.chassis.store.port", "concord.chassis.store.port"),
    "a domain takes a message": (
        "purity", "services/ingest/domain/lot.py", "from google.protobuf.message import Message", "google"),
    "labels travel": (
        "purity", "concord/labels/choice.py", "import concord.contracts.codec", "concord.contracts.codec"),
    "the client leans on the house": (
        "client", "concord/client/asking.py", "import concord.contracts.names", "concord.contracts.names"),
    "statistics serve": ("purity", "concord/quality/tally.py", "import fastapi", "fastapi"),
}  # fmt: skip


def lint(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the rules in a folder; return the exit status and what was said, in one line."""
    argv = [str(LINT_IMPORTS), "--no-cache", "--no-logo", *arguments]
    run = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    return run.returncode, " ".join((run.stdout + run.stderr).split())


def rules() -> dict[str, str]:
    """Return the contracts' names by their ids."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / CONFIGURATION)
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): parser[section]["name"]
        for section in parser.sections()
        if section.startswith(prefix)
    }


def reported(text: str, rule: str) -> str:
    """Return what is said of one broken rule."""
    _, details = text.split("Broken contracts", 1)
    begin = details.index(rules()[rule])
    ends = [end for key in rules().values() if (end := details.find(key, begin + 1)) > 0]
    return details[begin : min(ends, default=len(details))]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the rules say of a copy of the project into which all the breaches were planted."""
    folder = tmp_path_factory.mktemp("spoilt")
    shutil.copy(ROOT / CONFIGURATION, folder)
    for package in SHIPPED:
        if (ROOT / package).is_dir():
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    for _, file, statement, _ in BREACHES.values():
        before = (folder / file).read_text()
        assert statement not in before
        # At the end, where it compiles whatever the module begins with.
        (folder / file).write_text(f"{before}\n{statement}\n")
    (folder / UNPLACED).write_text('"""Nobody said who may enter."""\n')
    status, text = lint(folder)
    assert status == 1
    return text


def test_the_house_keeps_its_rules() -> None:
    status, text = lint(ROOT)
    assert status == 0, text


def test_every_package_with_code_stands_on_a_floor() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / CONFIGURATION)
    listed = parser["importlinter"]["root_packages"].split()
    packages = [path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    assert listed == sorted(packages)
    assert set(packages) <= set(SHIPPED)


def test_every_rule_is_broken_by_one_of_the_breaches() -> None:
    assert {rule for rule, *_ in BREACHES.values()} == set(rules())


@pytest.mark.parametrize("breach", BREACHES)
def test_a_planted_breach_is_reported(spoilt: str, breach: str) -> None:
    rule, file, _, forbidden = BREACHES[breach]
    importer = file.removesuffix(".py").replace("/", ".")
    assert f"{rules()[rule]} BROKEN" in spoilt
    assert f"{importer} -> {forbidden} (l." in reported(spoilt, rule)


def test_a_room_that_has_no_place_is_reported(spoilt: str) -> None:
    assert f"- {UNPLACED.removesuffix('.py').replace('/', '.')}" in spoilt


def test_a_domain_imports_the_language_numbers_and_nothing_that_reaches_out() -> None:
    allowed = {*sys.stdlib_module_names, "concord", "cryptography", "rfc8785", "msgspec", "numpy", "scipy", "services"}
    allowed |= {"standardwebhooks"}  # signs, and does nothing else
    for path in modules("services"):
        if "/domain/" in name(path):
            found = {key.split(".")[0] for key in imported(path)}
            assert found <= allowed, f"{name(path)} imports {sorted(found - allowed)}"
