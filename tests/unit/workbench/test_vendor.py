"""The parts that others made are what the list says."""

import shutil
from pathlib import Path

from workbench.vendor import FOLDER, LIST, faults, listed


def test_every_vendored_file_is_listed_with_its_hash() -> None:
    assert list(faults()) == []


def test_every_package_has_a_licence_that_is_here_to_read() -> None:
    for package in listed():
        assert package.licence
        assert package.why
        assert any("LICENSE" in file.name for file in package.files), package.name


def test_a_changed_a_missing_and_an_unlisted_file_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "vendor"
    shutil.copytree(FOLDER, folder)
    names = [path.name for path in sorted(folder.iterdir()) if path.name != LIST]
    (folder / names[0]).write_bytes(b"changed")
    (folder / names[1]).unlink()
    (folder / "new.js").write_text("1")
    rows = list(faults(folder))
    assert [fault.split()[0] for fault in rows] == ["new.js", names[0], names[1]]
    assert [fault.split(";")[0].split(" ", 1)[1] for fault in rows] == ["is not listed", "was changed", "is missing"]
