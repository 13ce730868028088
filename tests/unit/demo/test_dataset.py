"""A crowd's labels as CSV: what is read, and what is refused with line and reason."""

from pathlib import Path

import pytest

from concord.quality.label_file import LabelFileError
from demo.dataset import read
from demo.policy import gold_items, slug_of
from demo.report import majority_accuracy
from deploy.local import places
from services.ingest.api import SLUG

LABELS = "annotator,item,label\na,1,yes\nb,1,no\na,2,yes\n"
GOLD = "item,label\n1,yes\n2,yes\n"


def folder(path: Path, labels: str = LABELS, gold: str = GOLD, items: str | None = None) -> Path:
    (path / "labels.csv").write_text(labels)
    (path / "gold.csv").write_text(gold)
    if items is not None:
        (path / "items.csv").write_text(items)
    return path


def test_labels_gold_and_texts_are_read_and_the_last_of_repeated_answers_counts(tmp_path: Path) -> None:
    labels = "annotator,item,label,seconds\na,1,yes,3\nb,1,no,4.5\na,1,no,9\na,2,maybe,1\n"
    found = read(folder(tmp_path, labels, items="item,text\n1,one\n"))
    assert found.classes == ["maybe", "no", "yes"]
    assert [(answer.annotator, answer.label, answer.seconds) for answer in found.answers["1"]] == [
        ("b", "no", 4.5),
        ("a", "no", 9.0),
    ]
    assert found.remarks == ("1 labels repeat a person's answer to an item; of these the last counts.",)
    assert found.items["1"] == {"item": "1", "text": "one"}
    assert found.items["2"] == {"item": "2"}


def test_answers_are_put_in_the_order_of_their_times(tmp_path: Path) -> None:
    labels = (
        "annotator,item,label,timestamp\na,1,yes,2018-08-15T09:38:00Z\nb,1,no,2018-08-15T09:37:00Z\n"
        "a,2,yes,2018-08-15T09:37:00Z\n"
    )
    found = read(folder(tmp_path, labels))
    assert [answer.annotator for answer in found.answers["1"]] == ["b", "a"]


@pytest.mark.parametrize(
    ("labels", "gold", "said"),
    [
        ("annotator,item\na,1\n", GOLD, r"labels.csv, line 1: column label is missing"),
        ("annotator,item,label\na,1,\n", GOLD, r"labels.csv, line 2: label must not be empty"),
        ("annotator,item,label\na,1,yes,3\n", GOLD, r"labels.csv, line 2: 4 fields where the header has 3"),
        ("annotator,item,label\na,9,yes\n", GOLD, r"labels.csv, line 2: gold.csv has no line for item '9'"),
        ("annotator,item,label,seconds\na,1,yes,fast\n", GOLD, r"line 2: seconds is 'fast'"),
        ("annotator,item,label,timestamp\na,1,yes,noon\n", GOLD, r"line 2: timestamp is 'noon'"),
        ("annotator,item,label\n", GOLD, r"line 1: the header is followed by no label"),
        ("annotator,item,label\na,1,yes\n", GOLD, r"line 2: there is only one label, 'yes'"),
        ("annotator,item,label\na,1,yes\na,2,a\tb\n", GOLD, r"line 3: label: 'a\\tb' is no class name"),
        ("annotator,item,label\na,1,yes\n\x1b,2,no\n", GOLD, r"line 3: annotator '\\x1b' cannot sign in"),
        (
            f"annotator,item,label\na,1,yes\na,{'2' * 201},no\n",
            f"item,label\n1,no\n{'2' * 201},no\n",
            r"line 3: item .* id has 201",
        ),
        (LABELS, "item,label\n1,yes\n1,no\n", r"gold.csv, line 3: item 1 is no here and yes further up"),
        ("annotator,item,label,label\na,1,yes,no\n", GOLD, r"line 1: a column stands twice"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(tmp_path: Path, labels: str, gold: str, said: str) -> None:
    with pytest.raises(LabelFileError, match=said):
        read(folder(tmp_path, labels, gold))


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelFileError, match=r"gold.csv, line 1: cannot be read"):
        read(tmp_path)
    folder(tmp_path)
    (tmp_path / "labels.csv").write_bytes(b"annotator,item,label\na,1,\xff\n")
    with pytest.raises(LabelFileError, match=r"labels.csv, line 2: byte 5 of the line is not UTF-8"):
        read(tmp_path)


def test_the_real_data_set_comes_to_the_published_majority() -> None:
    found = read(places.ROOT / "demo/data/rte")
    assert (len(found.items), len(found.annotators)) == (800, 164)
    assert majority_accuracy(found) == pytest.approx(0.896875)


def test_gold_is_a_tenth_drawn_by_the_seed_and_the_same_every_time() -> None:
    items = [str(number) for number in range(200)]
    drawn = gold_items(items, seed=1)
    assert len(drawn) == 20
    assert drawn == gold_items(items, seed=1)
    assert drawn != gold_items(items, seed=2)
    assert drawn == sorted(drawn, key=items.index)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("crowd_export__v2", "crowd-export-v2"),
        ("export (v2) final", "export-v2-final"),
        ("donn\u00e9es", "donnees"),
        ("\u6e2c\u8a66", "demo"),
        ("-a-", "a"),
        ("project-12-at-2026-03-01-10-3-x", "project-12-at-2026-03-01-10-3"),
    ],
)
def test_a_folder_of_any_name_names_a_project(name: str, slug: str) -> None:
    assert slug_of(name) == slug
    assert SLUG.fullmatch(slug_of(name))
