"""Formats that are read from a file on disk: Parquet by its own library, and packed folders."""

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from concord.chassis.errors import ConcordError, Invalid
from concord.labels import schema_from
from services.ingest.domain.admission import UnitWish
from services.ingest.formats import Options, folder, parquet

CHOICE = schema_from({"kind": "choice", "classes": ["no", "yes"]})


def table(tmp_path: Path, columns: dict[str, Any], **more: Any) -> Path:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", **more)
    return tmp_path / "t.parquet"


def test_rows_of_parquet_are_units_with_their_types(tmp_path: Path) -> None:
    at = datetime(2026, 11, 27, tzinfo=UTC)
    path = table(tmp_path, {"id": [7, 8], "text": ["a", None], "at": [at, at], "gold": ["yes", None]}, row_group_size=1)
    options = Options(CHOICE, content=("text", "at"))
    rows = [row.said for row in parquet.rows(path, options)]
    assert rows == [
        UnitWish("7", {"text": "a", "at": at.isoformat()}, gold="yes"),
        UnitWish("8", {"text": None, "at": at.isoformat()}),
    ]


def test_a_column_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        list(parquet.rows(table(tmp_path, {"id": ["1"], "body": ["a"]}), Options(CHOICE)))
    (error,) = refusal.value.errors
    assert error.field == "content"
    assert "'body'" in error.problem
    assert error.cure


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"x" * 100])
def test_what_is_no_parquet_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "f").write_bytes(damage)
    with pytest.raises(Invalid, match="is no Parquet"):
        list(parquet.rows(tmp_path / "f", Options(CHOICE)))


def test_a_damaged_row_group_ends_the_report_and_not_the_rows_before(tmp_path: Path) -> None:
    path = table(tmp_path, {"id": [str(n) for n in range(2_000)], "content": [f"text {n}" * 20 for n in range(2_000)]},
                 row_group_size=500, compression="zstd", use_dictionary=False)  # fmt: skip
    data = bytearray(path.read_bytes())
    middle = pq.ParquetFile(path).metadata.row_group(2).column(1).data_page_offset
    data[middle : middle + 200] = b"\xff" * 200
    path.write_bytes(bytes(data))
    rows = [row.said for row in parquet.rows(path, Options(CHOICE))]
    assert isinstance(rows[-1], ConcordError)
    assert len(rows) >= 1_000


def test_a_row_group_that_does_not_fit_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES_MAX", 1_000)
    path = table(tmp_path, {"id": ["1"], "content": ["x" * 5_000]}, compression="zstd")
    with pytest.raises(Invalid, match="row group 1"):
        list(parquet.rows(path, Options(CHOICE)))


def test_bytes_in_a_cell_are_refused_with_their_column(tmp_path: Path) -> None:
    path = table(tmp_path, {"id": ["1"], "content": [{"bytes": b"\x89PNG", "path": "a.png"}]})
    (row,) = parquet.rows(path, Options(CHOICE))
    assert isinstance(row.said, ConcordError)
    assert row.said.errors[0].field == "content"


def packed(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    path = tmp_path / "folder.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_texts_of_a_folder_are_units_and_their_folder_may_be_their_label(tmp_path: Path) -> None:
    path = packed(tmp_path, {"train/yes/1.txt": "one", "train/no/2.txt": "\ufefftwo", "__MACOSX/x.txt": "no unit"})
    rows = [row.said for row in folder.rows(path, Options(CHOICE, gold="folder"))]
    assert rows == [
        UnitWish("train/no/2.txt", "two", "text/plain", gold="no"),
        UnitWish("train/yes/1.txt", "one", "text/plain", gold="yes"),
    ]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_images_are_named_by_the_metadata_and_seen_elsewhere(tmp_path: Path, kind: str) -> None:
    records = [{"file_name": "a b.png", "label": "yes"}, {"file_name": "c.jpg", "label": "no"}]
    text = (
        "\n".join(json.dumps(record) for record in records)
        if kind == "jsonl"
        else "file_name,label\na b.png,yes\nc.jpg,no"
    )
    path = packed(tmp_path, {f"train/metadata.{kind}": text, "train/a b.png": b"\x89PNG", "train/c.jpg": b"\xff\xd8"})
    options = Options(CHOICE, gold="label", base_uri="https://example.org/set/")
    rows = [row.said for row in folder.rows(path, options)]
    assert rows == [
        UnitWish("train/a b.png", {"uri": "https://example.org/set/train/a%20b.png"}, "image/png", gold="yes"),
        UnitWish("train/c.jpg", {"uri": "https://example.org/set/train/c.jpg"}, "image/jpeg", gold="no"),
    ]


def test_a_picture_is_as_large_as_the_metadata_say(tmp_path: Path) -> None:
    lines = '{"file_name": "a.png", "width": 640, "height": 400}\n{"file_name": "b.png"}'
    path = packed(tmp_path, {"metadata.jsonl": lines, "a.png": b"", "b.png": b""})
    boxes = schema_from({"kind": "boxes", "classes": ["cat", "dog"]})
    first, second = folder.rows(path, Options(boxes, base_uri="s3://x/"))
    assert isinstance(first.said, UnitWish)
    assert (first.said.content, first.cautions) == ({"uri": "s3://x/a.png", "width": 640, "height": 400}, ())
    assert [caution.field for caution in second.cautions] == ["content"]


def test_what_a_folder_lacks_is_named_and_refused_alone(tmp_path: Path) -> None:
    lines = '{"file_name": "gone.txt"}\n{"name": "x"}\n5\n{"file_name": "a.png"}\n{"file_name": "b.txt"}'
    path = packed(tmp_path, {"metadata.jsonl": lines, "a.png": b"", "b.txt": "b"})
    rows = [(row.line, row.said) for row in folder.rows(path, Options(CHOICE))]
    fields = [(line, error.errors[0].field) for line, error in rows if isinstance(error, ConcordError)]
    assert fields == [(1, "gone.txt"), (2, "file_name"), (3, "body"), (4, "a.png")]
    assert rows[4] == (5, UnitWish("b.txt", "b", "text/plain"))


def test_a_file_that_unpacks_to_more_than_a_unit_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    path = packed(tmp_path, {"bomb.txt": b"0" * 50_000_000, "b.txt": "b"})
    assert path.stat().st_size < 100_000
    rows = [row.said for row in folder.rows(path, Options(CHOICE))]
    assert [type(row) for row in rows] == [UnitWish, Invalid]


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(io.BytesIO(b"PK\x03\x04junk").getvalue())
    with pytest.raises(Invalid, match="is no zip"):
        list(folder.rows(tmp_path / "f", Options(CHOICE)))
