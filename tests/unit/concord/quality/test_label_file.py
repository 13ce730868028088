from pathlib import Path

import pytest

from concord.quality.label_file import (
    FIELD_CHARACTERS_MAX,
    LabelFileError,
    read_gold,
    read_items,
    read_labels,
    unmatched_gold,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def test_labels_are_read_in_order_with_the_columns_in_any_order(path: Path) -> None:
    path.write_text("item,label,annotator,seconds\nu1,yes,ann,3\n\nu1,no,bob,\n")
    table = read_labels(path)
    assert table.triples == [("ann", "u1", "yes"), ("bob", "u1", "no")]
    assert [(row.seconds, row.line) for row in table.rows] == [(3.0, 2), (None, 4)]


def test_a_byte_order_mark_is_not_part_of_the_first_column(path: Path) -> None:
    path.write_bytes("annotator,item,label\nann,u1,ja\n".encode("utf-8-sig"))
    assert read_labels(path).triples == [("ann", "u1", "ja")]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "column annotator and item and label is missing"),
        ("annotator,item\nann,u1\n", 1, "column label is missing"),
        ("annotator item label\n", 1, "separated by comma, semicolon, tab or bar"),
        ("annotator,item,label,seconds\nann,u1,yes,-1\n", 2, "seconds is '-1'; it must be a number from 0 to 86400"),
        ("annotator,item,label,seconds\nann,u1,yes,nan\n", 2, "seconds is 'nan'"),
        ("annotator,item,label,timestamp\nann,u1,yes,2026-03-01\n", 2, "RFC 3339 with its offset"),
        ("annotator,item,label,timestamp\nann,u1,yes,2026-03-01T10:00:00\n", 2, "RFC 3339 with its offset"),
        ("worker,annotator,item,label,worker\n", 1, "stands twice"),
        ("annotator,item,label,item\n", 1, "stands twice"),
        ("annotator,item,label\n", 1, "no label"),
        ("annotator,item,label\nann,u1,yes\nbob,u1\n", 3, "2 fields where the header has 3"),
        ("annotator,item,label\nann,u1,yes\nbob,,no\n", 3, "item must not be empty"),
        ('annotator,item,label\nann,u1,"yes\n', 2, "not CSV"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(path: Path, text: str, line: int, reason: str) -> None:
    path.write_text(text)
    with pytest.raises(LabelFileError, match=reason) as refusal:
        read_labels(path)
    assert refusal.value.line == line
    assert f"line {line}" in str(refusal.value)


def test_bytes_that_are_not_text_are_refused(path: Path) -> None:
    path.write_bytes(b"annotator,item,label\nann,u1,\xff\xfe\n")
    with pytest.raises(LabelFileError, match=r"line 2: byte 8 of the line is not UTF-8"):
        read_labels(path)


def test_gold_that_contradicts_itself_is_refused(path: Path) -> None:
    path.write_text("item,label\nu1,yes\nu2,no\nu1,yes\nu1,no\n")
    with pytest.raises(LabelFileError, match="u1 is no here and yes further up") as refusal:
        read_gold(path)
    assert refusal.value.line == 5


def test_gold_is_one_label_an_item(path: Path) -> None:
    path.write_text("item,label\nu1,yes\nu2,no\n")
    assert read_gold(path) == {"u1": "yes", "u2": "no"}


@pytest.mark.parametrize("label", ["much", "nan", "inf"])
def test_what_is_no_number_is_refused_where_numbers_are_asked_for(path: Path, label: str) -> None:
    path.write_text(f"annotator,item,label\nann,u1,2.5\n\nbob,u1,{label}\n")
    assert len(read_labels(path).rows) == 2
    with pytest.raises(LabelFileError, match="not a number") as refusal:
        read_labels(path, numeric=True)
    assert refusal.value.line == 4


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_the_first_line_uses(path: Path, separator: str) -> None:
    lines = [["annotator", "item", "label"], ["ann", "u1", "yes"], ["bob", "u1", "no"]]
    path.write_text("\n".join(separator.join(fields) for fields in lines))
    assert read_labels(path).triples == [("ann", "u1", "yes"), ("bob", "u1", "no")]


def test_names_and_labels_are_equal_when_a_person_sees_them_as_equal(path: Path) -> None:
    """One half of the people works on a system that writes accents apart, and one types blanks after the label."""
    path.write_text("annotator,item,label\nZoe\u0308,u1,ve\u0301rifie\u0301\nZo\u00eb,u2,v\u00e9rifi\u00e9 \n")
    assert read_labels(path).triples == [
        ("Zo\u00eb", "u1", "v\u00e9rifi\u00e9"),
        ("Zo\u00eb", "u2", "v\u00e9rifi\u00e9"),
    ]


def test_labels_stand_in_the_order_of_their_times_whatever_offsets_those_are_written_in(path: Path) -> None:
    path.write_text(
        "annotator,item,label,timestamp\np1,u1,yes,2026-03-01T23:30:00-05:00\np2,u1,yes,2026-03-02T01:00:00Z\n"
        "p3,u1,yes,2026-03-02T05:00:00+02:00\n"
    )
    assert [row.annotator for row in read_labels(path).rows] == ["p2", "p3", "p1"]


def test_the_order_of_the_file_stands_where_a_label_has_no_time_and_that_is_told(path: Path) -> None:
    path.write_text("annotator,item,label,timestamp\np1,u1,yes,2026-03-02T00:00:00Z\np2,u1,yes,\n")
    table = read_labels(path)
    assert [row.annotator for row in table.rows] == ["p1", "p2"]
    assert table.remarks == ("1 of 2 labels have no timestamp, so the order of the file counts.",)


def test_the_last_of_repeated_labels_is_the_one_that_counts(path: Path) -> None:
    path.write_text("annotator,item,label\nann,u1,yes\nbob,u1,yes\nann,u1,no\n")
    assert [(row.annotator, row.label) for row in read_labels(path).latest()] == [("bob", "yes"), ("ann", "no")]


def test_columns_that_are_not_used_or_go_by_another_name_are_told(path: Path) -> None:
    path.write_text("worker,task,label,colour\nann,u1,yes,red\n")
    table = read_labels(path)
    assert table.triples == [("ann", "u1", "yes")]
    assert table.remarks == (
        "Column worker is taken for annotator.",
        "Column task is taken for item.",
        "Not used: column colour.",
    )


def test_labels_that_look_alike_are_counted_apart_and_told(path: Path) -> None:
    path.write_text("annotator,item,label\na,u1,1\na,u2,1.0\na,u3,Yes\na,u4,YES\na,u5,no\n")
    assert read_labels(path).remarks == (
        "'1' and '1.0' are counted as 2 classes, though they are equal as numbers.",
        "'YES' and 'Yes' are counted as 2 classes, though they are equal but for upper and lower case.",
    )


def test_long_texts_are_read_and_the_bound_is_told(path: Path) -> None:
    path.write_text(f"item,text\nu1,{'x' * 200_000}\n")
    assert len(read_items(path)["u1"]["text"]) == 200_000
    path.write_text(f"item,text\nu0,short\nu1,{'x' * (FIELD_CHARACTERS_MAX + 1)}\n")
    with pytest.raises(LabelFileError, match=f"line 3: a field has more than {FIELD_CHARACTERS_MAX} characters"):
        read_items(path)


def test_a_text_of_several_lines_is_told_by_the_line_it_begins_in(path: Path) -> None:
    path.write_text('item,text\r\nu1,"one\r\ntwo, three"\r\nu2,a,b\r\n')
    with pytest.raises(LabelFileError, match="3 fields where the header has 2; quote") as refusal:
        read_items(path)
    assert refusal.value.line == 4


def test_an_item_that_stands_twice_is_refused(path: Path) -> None:
    path.write_text("item,text\nu1,one\nu1,two\n")
    with pytest.raises(LabelFileError, match="line 3: item u1 stands further up already"):
        read_items(path)


def test_gold_of_items_that_nobody_labelled_is_told_and_gold_of_nothing_else_refused(path: Path) -> None:
    assert unmatched_gold(path, {"u1": "yes", "u9": "no"}, {"u1"}) == (
        "1 of 2 gold labels are of items that nobody labelled, as 'u9'.",
    )
    with pytest.raises(LabelFileError, match="none of its 1 items was labelled, as '01'"):
        unmatched_gold(path, {"01": "yes"}, {"1"})
