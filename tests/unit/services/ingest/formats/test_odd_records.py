"""A record with one odd value, or one left out, is a unit or its refusal, in every format: never a fault of ours."""

import base64
import copy
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from concord.chassis.errors import ConcordError
from concord.labels import schema_from
from concord.labels.schema import LabelFault, LabelSchema
from services.ingest.domain.admission import UnitRefused, UnitWish, checked
from services.ingest.formats import Options, Row, folder, parquet
from services.ingest.formats.label_studio import LabelStudioReader
from services.ingest.formats.sagemaker import SageMakerReader
from tests.unit.services.ingest.formats.test_sagemaker import BOXED, BOXES, CHOICE, CLASSIFIED

ODD: tuple[Any, ...] = (None, [], {}, "x", 1.5, True, [None], {"a": 1}, 10**30, 10**400)
MISSING = object()
LABELLED = [{"type": "choices", "value": {"choices": ["cat"]}, "original_width": 9, "original_height": 9}]
TASK = {
    "id": 1,
    "data": {"text": "a text"},
    "annotations": [{"ground_truth": True, "updated_at": "2026-11-01T00:00:00Z", "result": LABELLED}],
    "predictions": [{"score": 0.5, "model_version": "1", "created_at": "2026-11-01T00:00:00Z", "result": LABELLED}],
}
IN_FRACTIONS: dict[str, Any] = copy.deepcopy(BOXED)
IN_FRACTIONS["box"]["annotations"][0].update(left=0.5, top=0.5, width=1.5, height=1.5)
METADATA = {"file_name": "a.txt", "id": "7", "gold": "cat", "guess": "dog", "media_type": "text/plain", "priority": 1,
            "skills": ["de"], "annotators": ["ann-1"], "stratum": "s", "subject": "c", "uncertainty": 0.5}  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*place, key))


def spoilt(record: dict[str, Any], values: Iterable[Any] = ODD) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the record with each of its values odd in each way, and with each left out; said where."""
    for *within, key in filter(None, places(record)):
        for value in (*values, MISSING):
            whole = copy.deepcopy(record)
            holder: Any = whole
            for step in within:
                holder = holder[step]
            if value is MISSING:
                del holder[key]
            else:
                holder[key] = value
            yield f"{[*within, key]} is {value}", whole


def manifest(schema: LabelSchema, key: str) -> Callable[[dict[str, Any], Path], list[Row]]:
    def read(record: dict[str, Any], _: Path) -> list[Row]:
        reader = SageMakerReader(Options(schema, gold=key, suggestion=key))
        return [*reader.feed(json.dumps(record).encode()), *reader.end()]

    return read


def tasks(record: dict[str, Any], _: Path) -> list[Row]:
    reader = LabelStudioReader(Options(CHOICE))
    return [*reader.feed(json.dumps([record]).encode()), *reader.end()]


def packed(record: dict[str, Any], path: Path) -> list[Row]:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a text")
        archive.writestr("metadata.jsonl", json.dumps(record))
    return list(folder.rows(path, Options(CHOICE, id="id", gold="gold", suggestion="guess")))


@pytest.mark.parametrize(
    ("record", "read"),
    [
        (CLASSIFIED, manifest(CHOICE, "species")),
        (BOXED, manifest(BOXES, "box")),
        (IN_FRACTIONS, manifest(BOXES, "box")),
        (TASK, tasks),
        (METADATA, packed),
    ],
    ids=["sagemaker", "sagemaker boxes", "in fractions", "label studio", "folder"],
)
def test_one_odd_value_makes_a_unit_or_a_refusal(
    record: dict[str, Any], read: Callable[[dict[str, Any], Path], list[Row]], tmp_path: Path
) -> None:
    for where, odd in spoilt(record):
        try:
            (row,) = read(odd, tmp_path / "f")
            if isinstance(row.said, UnitWish):
                checked(row.said)
        except (ConcordError, UnitRefused):
            pass
        except Exception as fault:
            raise AssertionError(f"{where}: {fault!r}") from fault


SIZE = {"original_width": 640, "original_height": 400}
RESULTS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"kind": "choices", "classes": ["no", "yes"]}, {"type": "choices", "value": {"choices": ["no"]}}),
    (
        {"kind": "taxonomy", "nodes": [{"id": "a"}, {"id": "b", "parent": "a"}, {"id": "c"}]},
        {"type": "taxonomy", "value": {"taxonomy": [["a", "b"]]}},
    ),
    ({"kind": "rating", "lowest": 1, "highest": 5}, {"type": "rating", "value": {"rating": 3}}),
    ({"kind": "number", "low": 0, "high": 9}, {"type": "number", "value": {"number": 3}}),
    ({"kind": "text"}, {"type": "textarea", "value": {"text": ["one", "two"]}}),
    ({"kind": "preference", "strengths": 2}, {"type": "pairwise", "value": {"selected": "left"}}),
    ({"kind": "ranking", "items": ["a", "b"]}, {"type": "ranker", "value": {"ranker": {"rank": ["a", "b"]}}}),
    (
        {"kind": "spans", "classes": ["no", "yes"]},
        {"type": "labels", "value": {"start": 2, "end": 3, "text": "a", "labels": ["no"]}},
    ),
    (
        {"kind": "boxes", "classes": ["no", "yes"]},
        {
            "type": "rectanglelabels",
            "value": {"x": 1, "y": 2, "width": 3.5, "height": 4, "rotation": 0, "rectanglelabels": ["no"]},
        }
        | SIZE,
    ),
    (
        {"kind": "polygons", "classes": ["no", "yes"]},
        {"type": "polygonlabels", "value": {"points": [[1, 2], [3, 4], [1, 4.5]], "polygonlabels": ["no"]}} | SIZE,
    ),
)
MORE_ODD: tuple[Any, ...] = (*ODD, [1, 2, 3], -1, -(10**400), "12 or so", "\U0001f600")


@pytest.mark.parametrize("in_form", [False, True], ids=["alone", "in a form"])
@pytest.mark.parametrize(("spec", "result"), RESULTS, ids=[str(spec["kind"]) for spec, _ in RESULTS])
def test_one_odd_value_of_a_result_makes_a_label_or_a_refusal(
    spec: dict[str, Any], result: dict[str, Any], in_form: bool
) -> None:
    fields: list[Any] = [
        {"name": "field", "schema": spec},
        {"name": "note", "schema": {"kind": "text"}, "required": False},
    ]
    schema = schema_from({"kind": "form", "fields": fields} if in_form else spec)
    named = {"id": 1, "data": {"text": "\U0001f600 a text"}, "annotations": [
        {"ground_truth": True, "result": [result | {"from_name": "field"}]}
    ]}  # fmt: skip
    read = 0
    for where, odd in (("nothing", named), *spoilt(named, MORE_ODD)):
        reader = LabelStudioReader(Options(schema))
        taken: Any = None
        try:
            (row,) = [*reader.feed(json.dumps([odd]).encode()), *reader.end()]
            taken = row.said
            if isinstance(row.said, UnitWish):
                checked(row.said)
                if row.said.gold is not None:
                    schema.canonical(row.said.gold)
                    read += 1
        except (ConcordError, UnitRefused, LabelFault):
            pass
        except Exception as fault:
            raise AssertionError(f"{where}: {fault!r}") from fault
        assert where != "nothing" or read, f"what is well is read: {taken}"


@pytest.mark.parametrize(
    ("column", "value"),
    [("skills", 5), ("annotators", 5), ("priority", float("inf")), ("priority", float("nan")), ("uncertainty", "sure")],
)
def test_an_odd_cell_of_parquet_is_refused_in_its_row(column: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["1"], "content": ["a"], column: [value]}), path)
    (row,) = parquet.rows(path, Options(schema_from({"kind": "choice", "classes": ["no", "yes"]})))
    assert isinstance(row.said, ConcordError), row.said
    assert column in str(row.said)


DAMAGED = (
    "eNqNk01v00AQhmfXlilVkNKKXe0iC+VALQ70IxatAKWHsQVVRQqJJVTRWxqsUFHsEIcmRRw4cECCQ4/9OZz5VeysaxLRIDGyZnfnnXl2NFp3MG"
    "kKV9wWqm0WWAVYvscAoEkuFCBWhXxglLrwhOfvwH0WKtZcWTHqzQY33mXM4YsIU3Lniwjnik0XEO6IuxXh1hYJWe4QIi0WQBwTVjzLr3N0exuU"
    "V/Tfpu97wgNRW+OKn7xZg7ZvkuzxRj/Pxmk2nsUeKneQn1ZJ0tW+bgXgi5reBq+uCSC4dOVn+ZUFrWBpfhKaGgPBwbi6WVqm3NMBuIY0z6hunY"
    "F+suAHmx/J/6Jss5bzjckLFvziwQX/ayzXWct/WPKLI91gSV46oH1VwyR5efikHJm65JtkjwZorIulPUecYDTAZ4gDjK2EUYR4QJsYcd8GZiuW"
    "UlRUuxIVTwhtaxMbfD3Lt/aU3FH4uDiyx/gd5Ycd4yaEeGX72cP51kw9aXsvzo6z5PQ46+Inyp8iNbtPVxj94ApeFf3r/phc77Br+dFVP6Xt7o"
    "JqDHujDx/T8Xp/OFzvjUb5pHGWjoqTPGuEOxtbG03dMu+n/OC7eZQd83v9BmBYmM0="
)
"""Two rows of a Parquet file with a byte of its footer changed, packed by zlib: what it tells of a column does not fit,
and pyarrow ended the process that asked for the column."""
READ = """
import sys
from pathlib import Path
from concord.chassis.errors import ConcordError
from concord.labels import schema_from
from services.ingest.formats import Options, parquet

schema = schema_from({"kind": "choice", "classes": ["no", "yes"]})
try:
    print([type(row.said).__name__ for row in parquet.rows(Path(sys.argv[1]), Options(schema))])
except ConcordError as refusal:
    print(refusal)
"""


def test_a_damaged_file_of_parquet_ends_no_process(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(zlib.decompress(base64.b64decode(DAMAGED)))
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_file_that_tells_of_too_many_columns_is_refused_before_that_is_read(tmp_path: Path) -> None:
    path, many = tmp_path / "t.parquet", 40_000
    names = ["id", "content", *(f"c{number}" for number in range(many))]
    pq.write_table(pa.Table.from_arrays([pa.array(["1"])] * len(names), names=names), path)
    with pytest.raises(ConcordError, match="has a footer of"):
        list(parquet.rows(path, Options(CHOICE)))
    path.write_bytes(b"PAR1")
    with pytest.raises(ConcordError, match="is no Parquet"):
        list(parquet.rows(path, Options(CHOICE)))


@pytest.mark.parametrize(
    "cells",
    [pa.array([2**60], pa.date64()), pa.array([2**62], pa.duration("s")), pa.array([1], pa.timestamp("ns"))],
    ids=["a date", "a duration", "nanoseconds"],
)
def test_a_time_that_python_cannot_hold_is_refused(cells: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["1"], "content": cells}), path)
    (row,) = parquet.rows(path, Options(CHOICE))
    assert isinstance(row.said, ConcordError)
    assert "cannot be read on" in str(row.said)


def test_no_more_entries_of_a_packed_folder_are_read_than_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, made = tmp_path / "f.zip", 0

    class Counted(zipfile.ZipInfo):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            nonlocal made
            made += 1
            super().__init__(*arguments, **more)

    with zipfile.ZipFile(path, "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}/", "")
    monkeypatch.setattr(folder, "ENTRIES_MAX", 10)
    monkeypatch.setattr(zipfile, "ZipInfo", Counted)
    with pytest.raises(ConcordError, match="over 10 entries"):
        list(folder.rows(path, Options(CHOICE)))
    assert made <= 11, "each is an object of half a kilobyte, and takes 50 bytes in what is sent"


def test_a_packed_folder_with_any_byte_changed_is_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "f.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a text")
    whole = path.read_bytes()
    for place in range(len(whole)):
        for value in (0, 0x80, 0xFF, whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                found = [row.said for row in folder.rows(path, Options(CHOICE))]
            except ConcordError:
                continue
            except Exception as fault:
                raise AssertionError(f"byte {place} is {value}: {fault!r}") from fault
            assert len(found) <= 1


def test_metadata_that_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.zip"
    packed(METADATA, path)
    data = bytearray(path.read_bytes())
    at = data.index(b"file_name")
    data[at : at + 4] = b"FILE"  # what it unpacks to is not what its checksum is of
    path.write_bytes(bytes(data))
    with pytest.raises(ConcordError, match=r"metadata\.jsonl: cannot be unpacked"):
        list(folder.rows(path, Options(CHOICE)))
