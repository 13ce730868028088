"""Exports: the files that a manifest names, each held against its digest, and none fetched twice."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from concord.client.asking import answered, decoded, path_of, query_of
from concord.client.errors import Damaged, NotFound
from concord.client.models import Manifest, ManifestFile
from concord.client.steps import Digest, Flow, Send

MANIFEST_SECONDS_MAX = 3_600.0
"""How long a manifest may be made for; a million labels take about a minute."""
WITHDRAWALS = "withdrawals.json"
"""Beside a certificate: what was erased since, without which an export that is shorter by that does not verify."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that is there, whole.

    Attributes:
        folder: where it is: the files, manifest.json, certificate.json and what goes beside them, as withdrawals.json
            where units were erased since.
        manifest: what is in it.
        files: the paths of its files, in the manifest's order.
        fetched: how many of them were not there before.
    """

    folder: Path
    manifest: Manifest
    files: tuple[Path, ...]
    fetched: int


def export(
    project_id: str,
    folder: Path | str,
    *,
    form: str = "jsonl",
    rows: str = "units",
    data: bool = False,
    duplicates: bool = False,
    issue: int | None = None,
    check: Callable[[bytes], object] | None = None,
) -> Flow[Exported]:
    """Fetch the accepted labels of a project into a folder, with manifest and certificate.

    Said again, what is there and right is not fetched again: so a transfer that broke off is taken up.

    Args:
        project_id: whose.
        folder: is made where it is not there.
        form: jsonl, csv, parquet, datasets, label-studio, coco, conll or preference-pairs (docs/exports.md).
        rows: units, or annotations: every annotator's own under a code.
        data: with what was labelled.
        duplicates: with the units that another of the same content stands for.
        issue: number of the certificate; without it, over all that is accepted by now.
        check: is given the manifest's bytes before anything is fetched, and raises where it does not like them.

    Raises:
        Damaged: a file is not what the manifest says: a unit was erased meanwhile.
    """
    root = Path(folder)
    asked = query_of(format=form, rows=rows, data=data, duplicates=duplicates)
    path = path_of("/v1/projects/{id}/export", id=project_id)
    wanted = asked | query_of(issue=issue)
    wish = Send("audit", "GET", f"{path}/manifest", wanted, making_seconds_max=MANIFEST_SECONDS_MAX)
    document = (yield from answered(wish)).body
    if check is not None:
        check(document)
    manifest = decoded(Manifest, document)
    numbered = query_of(issue=manifest.issue)
    at = path_of("/v1/projects/{id}/certificate", id=project_id)
    certificate = (yield from answered(Send("audit", "GET", at, numbered))).body
    _write(root / "manifest.json", document)
    _write(root / "certificate.json", certificate)
    gone = (yield from _withdrawn(project_id, numbered)) if manifest.erased else None
    if gone is None:
        (root / WITHDRAWALS).unlink(missing_ok=True)
    else:
        _write(root / WITHDRAWALS, gone)
    for companion in manifest.companions:
        _write(inside(root, companion.name), companion.text.encode())
    fetched = 0
    for part, file in enumerate(manifest.files):
        fetched += yield from _file(path, asked | numbered | query_of(part=part), inside(root, file.name), file)
    return Exported(root, manifest, tuple(inside(root, file.name) for file in manifest.files), fetched)


def _withdrawn(project_id: str, numbered: dict[str, str]) -> Flow[bytes | None]:
    """Return the signed list of what was erased since a certificate; None where all of it was erased before that."""
    try:
        at = path_of("/v1/projects/{id}/withdrawals", id=project_id)
        return (yield from answered(Send("audit", "GET", at, numbered))).body
    except NotFound:
        return None


def _file(path: str, asked: dict[str, str], into: Path, file: ManifestFile) -> Flow[bool]:
    """Fetch a file if it is not there as it should be; return whether it was fetched."""
    if (yield Digest(into)) == file.sha256:
        return False
    into.parent.mkdir(parents=True, exist_ok=True)
    partial = into.with_name(f"{into.name}.partial")
    answer = yield from answered(Send("audit", "GET", path, asked, into=partial))
    if answer.sha256 != file.sha256:
        raise Damaged(f"{file.name} is not what the manifest says: a unit was erased meanwhile; ask for it again")
    partial.replace(into)
    return True


def inside(folder: Path, name: str) -> Path:
    """Return where a file goes.

    Raises:
        Damaged: its name leads out of the folder.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise Damaged(f"{name!r} leads out of {folder}; this is no manifest of ours")
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
