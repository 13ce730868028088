import os
import re
import subprocess

from deploy.local import places

_MAKEFILE = (places.ROOT / "Makefile").read_text()


def test_every_verb_has_a_line_of_help_and_is_listed_by_default() -> None:
    verbs = set(re.findall(r"^([a-z0-9]+):", _MAKEFILE, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", _MAKEFILE, re.MULTILINE)
    # As from a shell: under `make test` the outer make would have this one talk of folders.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = subprocess.run(["make"], cwd=places.ROOT, env=environment, capture_output=True, text=True, check=True)
    listed = made.stdout
    assert phony is not None
    assert set(phony.group(1).split()) == verbs
    assert {line.split()[1] for line in listed.splitlines()} == verbs
    assert all(len(line) <= 120 for line in listed.splitlines())


def test_a_verb_is_one_command_for_logic_lives_in_python() -> None:
    recipes = re.split(r"^[a-z0-9]+:.*$", _MAKEFILE, flags=re.MULTILINE)[1:]
    assert all(recipe.count("\t") == 1 for recipe in (recipe.split("\n\n")[0] for recipe in recipes))


def test_what_must_work_from_any_state_needs_no_environment() -> None:
    for verb in ("setup", "doctor", "down", "clean"):
        assert re.search(rf"^{verb}: ## .*\n\t@\$\(SYSTEM\) {verb}", _MAKEFILE, re.MULTILINE), verb


def test_the_verbs_load_without_anything_installed() -> None:
    for verb in ("setup", "doctor", "down", "clean"):
        asked = subprocess.run(
            ["/usr/bin/env", "python3", "-I", "-S", "-c", _WITHOUT_PACKAGES, verb],
            cwd=places.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stderr
        assert verb in asked.stdout


_WITHOUT_PACKAGES = f"""
import sys
sys.path.insert(0, {str(places.ROOT)!r})
from deploy.local.verbs import main
try:
    main([sys.argv[1], "--help"])
except SystemExit as end:
    print(sys.argv[1])
    sys.exit(end.code)
"""


def test_ci_runs_what_the_readme_says() -> None:
    lines = (places.ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")][-1] == "exec make test"
