"""The page on files of units names every format, every name that tells one, and every column that is read by itself."""

from pathlib import Path

from cli.imports import GUESSED
from concord.client.units import RESUMABLE
from services.ingest.formats import FORMATS
from services.ingest.formats.rows import ATTRIBUTES

PAGE = (Path(__file__).resolve().parents[3] / "docs/imports.md").read_text()
ROWS = {row.split("|")[1].strip(" `"): row for row in PAGE.splitlines() if row.startswith("| `")}


def test_every_format_is_told_with_its_media_type_and_the_names_that_tell_it() -> None:
    assert {"units", *FORMATS} <= ROWS.keys()
    for name, form in FORMATS.items():
        assert form.media_types[0] in ROWS[name], name
    for name, row in ((name, ROWS[name]) for name in ("units", *FORMATS)):
        assert {suffix for suffix, form_name in GUESSED.items() if form_name == name} == {
            suffix for suffix in GUESSED if f"`{suffix}`" in row
        }, name
        assert row.rstrip("| ").endswith("yes" if name in RESUMABLE else "sent whole"), name


def test_every_column_that_is_read_by_itself_is_told() -> None:
    columns = next(line for line in PAGE.splitlines() if line.startswith("Columns named"))
    assert [name for name in ATTRIBUTES if f"`{name}`" not in columns] == []
