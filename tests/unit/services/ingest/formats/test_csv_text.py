"""CSV is read as it comes: the same rows however it is cut, and only what is wrong is refused, by its line."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from concord.chassis import csv_records as module
from concord.chassis.csv_records import CsvRecords
from concord.chassis.errors import ConcordError, Invalid
from concord.labels import schema_from
from services.ingest.domain.admission import UnitWish
from services.ingest.formats import Options, Row
from services.ingest.formats.csv_text import CsvReader

OPTIONS = Options(schema_from({"kind": "choice", "classes": ["no", "yes"]}))


def rows(data: bytes, options: Options = OPTIONS, cut: int = 7) -> list[Row]:
    reader = CsvReader(options)
    found = [row for at in range(0, len(data), cut) for row in reader.feed(data[at : at + cut])]
    return found + list(reader.end())


def wishes(data: bytes, options: Options = OPTIONS) -> list[tuple[int, str, object]]:
    return [(row.line, row.said.id, row.said.content) for row in rows(data, options) if isinstance(row.said, UnitWish)]


def refusals(data: bytes, options: Options = OPTIONS) -> list[tuple[int, str]]:
    return [(row.line, str(row.said)) for row in rows(data, options) if isinstance(row.said, ConcordError)]


@pytest.mark.parametrize(
    "data",
    [
        b"id,content\n1,a\n2,b\n",
        b"id,content\r\n1,a\r\n2,b",
        b"\xef\xbb\xbfid;content\n1;a\n2;b\n",
        b"content\tid\na\t1\nb\t2\n",
        b'"id","content"\n"1","a"\n\n"2","b"\n',
    ],
)
def test_what_spreadsheets_write_is_read_alike(data: bytes) -> None:
    assert [(name, content) for _, name, content in wishes(data)] == [("1", "a"), ("2", "b")]


def test_quoted_newlines_quotes_and_delimiters_are_part_of_a_cell() -> None:
    data = 'id,content\n1,"two\nlines, ""quoted"""\n2,"käse\r\n"\n'.encode()
    assert wishes(data) == [(2, "1", 'two\nlines, "quoted"'), (4, "2", "käse\r\n")]


def test_cells_stay_as_they_were_written() -> None:
    data = b"id,content\n007,NA\n008,1.50\n009,None\n010,=1+1\n"
    assert [(text, two) for _, text, two in wishes(data)] == [
        ("007", "NA"),
        ("008", "1.50"),
        ("009", "None"),
        ("010", "=1+1"),
    ]


def test_a_ragged_line_is_named_and_refused_alone() -> None:
    lines = ["id,content", *(f"{n},text {n}" for n in range(2, 9_001))]
    lines[7_430] = "7431,text,too many"
    data = "\n".join(lines).encode()
    assert refusals(data) == [(7_431, "line: has 3 cells, and the header has 2.")]
    assert len(wishes(data)) == 8_998


def test_a_quote_that_is_not_closed_spoils_its_own_line_only() -> None:
    data = b'id,content\n1,a\n2,"b\n3,c\n4,d\n'
    assert refusals(data) == [(3, "line: has a quote that is not closed.")]
    assert [text for _, text, _ in wishes(data)] == ["1", "3", "4"]


def test_a_quote_that_is_never_closed_is_not_waited_for_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECORD_BYTES_MAX", 1_000)
    reader = CsvReader(OPTIONS)
    found = list(reader.feed(b'id,content\n1,"a\n'))
    for number in range(2, 2_000):
        found += reader.feed(b"%d,text\n" % number)
        assert reader.pending <= 1_010
    assert [row.line for row in found if isinstance(row.said, ConcordError)] == [2]
    assert len(found) == 1_999


def test_a_line_that_is_too_long_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECORD_BYTES_MAX", 100)
    assert refusals(b"id,content\n1," + b"x" * 500 + b"\n2,b\n") == [(2, "line: is over 100 bytes.")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "header: is missing"),
        (b"id,content\n1,\xff\n2,b\n", "is no UTF-8 at byte 3"),
        (b'id,content\n1,"a"b\n2,b\n', "is no CSV"),
    ],
)
def test_what_cannot_be_read_is_told(data: bytes, says: str) -> None:
    try:
        text = refusals(data)[0][1]
    except Invalid as refusal:
        text = str(refusal)
    assert says in text


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"name,content\n1,a\n", "id"),
        (b"id,text\n1,a\n", "content"),
        (b"id,content,id\n", "header"),
        ("id,content".encode("utf-16"), "body"),
    ],
)
def test_a_header_that_cannot_be_meant_refuses_the_file_with_a_cure(data: bytes, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rows(data)
    (error,) = refusal.value.errors
    assert error.field == field
    assert error.cure


def test_columns_are_named_by_the_query_and_the_others_are_cautioned_of() -> None:
    options = Options(OPTIONS.schema, id="key", content=("title", "text"), gold="truth")
    found = rows(b"key,title,text,truth,priority,skills,other\nk,t,x,yes,5,law|tax,o\n", options)
    body = found[0].said
    assert isinstance(body, UnitWish)
    assert (body.id, body.content, body.gold) == ("k", {"title": "t", "text": "x"}, "yes")
    assert (body.priority, body.skills) == (5, ("law", "tax"))
    assert "'other'" in found[0].cautions[0].problem


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@given(
    table=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6),
    cut=st.integers(1, 9),
    newline=st.sampled_from(["\n", "\r\n"]),
)
@example(table=[("a", "b", "c"), ('"', "\n", '""\r')], cut=1, newline="\n")
def test_every_table_that_is_written_is_read_back(table: Sequence[tuple[str, ...]], cut: int, newline: str) -> None:
    header = ("one", "two", "three")
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *table])
    data = file.getvalue().encode()
    records = CsvRecords()
    found = [row for at in range(0, len(data), cut) for row in records.feed(data[at : at + cut])]
    found += records.end()
    assert [entry for _, entry in found] == [dict(zip(header, row, strict=True)) for row in table]
