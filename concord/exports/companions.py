"""What goes beside an export's files: the card of a `datasets` folder, Label Studio's configuration, and Croissant."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from concord.exports import datasets_folder, label_studio, parquet
from concord.exports.croissant import croissant
from concord.exports.form import Form
from concord.exports.snapshot import Companion, FileFacts, Snapshot
from concord.labels import LabelSchema

CARD = "README.md"
CONFIGURATION = "label-config.xml"
CROISSANT = "croissant.json"


def companions(form: Form, schema: LabelSchema, snapshot: Snapshot, files: Sequence[FileFacts]) -> list[Companion]:
    """Return the small files that go with an export, in their order.

    Args:
        form: of the export.
        schema: of its labels.
        snapshot: what it is an export of.
        files: its files.
    """
    found = []
    if form.format == datasets_folder.NAME:
        found.append(Companion(CARD, "text/markdown; charset=utf-8", _card(snapshot)))
    if form.format == label_studio.NAME:
        found.append(Companion(CONFIGURATION, "application/xml", label_studio.configuration(schema)))
    if form.format in {parquet.NAME, datasets_folder.NAME}:
        metadata = croissant(form, schema, snapshot, files)
        found.append(Companion(CROISSANT, "application/ld+json", _indented(metadata)))
    return found


def _card(snapshot: Snapshot) -> str:
    units = f"{snapshot.units} units of project `{snapshot.project_id}`, issue {snapshot.issue}"
    return (
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/*.parquet\n---\n\n"
        f"# {snapshot.project_id}\n\n{units}, certified {snapshot.issued_at}.\n\n{snapshot.quality}\n\n"
        f"Certificate (SHA-256 of its canonical form): `{snapshot.certificate_sha256}`.\n"
        "Features are in the Parquet files: a class is a ClassLabel with the schema's names in the schema's order.\n"
    )


def _indented(entry: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(entry), indent=2).decode() + "\n"
