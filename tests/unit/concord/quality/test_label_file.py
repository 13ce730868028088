from pathlib import Path

import pytest

from concord.quality.label_file import LabelFileError, LabelRow, read_gold, read_labels


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def test_labels_are_read_in_order_with_the_columns_in_any_order(path: Path) -> None:
    path.write_text("item,label,annotator,seconds\nu1,yes,ann,3\n\nu1,no,bob,\n")
    assert read_labels(path) == [LabelRow("ann", "u1", "yes"), LabelRow("bob", "u1", "no")]


def test_a_byte_order_mark_is_not_part_of_the_first_column(path: Path) -> None:
    path.write_bytes("annotator,item,label\nann,u1,ja\n".encode("utf-8-sig"))
    assert read_labels(path) == [LabelRow("ann", "u1", "ja")]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "column annotator and item and label is missing"),
        ("annotator,item\nann,u1\n", 1, "column label is missing"),
        ("annotator,item,label,colour\n", 1, "unknown column 'colour'"),
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
    with pytest.raises(LabelFileError, match="not UTF-8"):
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
    assert len(read_labels(path)) == 2
    with pytest.raises(LabelFileError, match="not a number") as refusal:
        read_labels(path, numeric=True)
    assert refusal.value.line == 4
