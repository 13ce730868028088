"""What a writer makes of labels, what it refuses and why, and what it counts as left out."""

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.exports import FORMATS, DoesNotFit, Form, Record, RecordedLabel, writer_for
from concord.exports.arrow import value_of
from concord.exports.conll import Span, tokens_of
from concord.exports.csv_file import defused, label_cell, undefused
from concord.exports.snapshot import BLOCK_BYTES, FileTally
from concord.labels import encoded, schema_from

CHOICE = {"kind": "choice", "classes": ["no", "yes"]}
SPANS = {"kind": "spans", "classes": ["a b", "c"]}
BOXES = {"kind": "boxes", "classes": ["car"]}
PREFERENCE = {"kind": "preference"}
NO_BOXES: dict[str, Any] = {"boxes": []}


def record(label: Any, data: Any = None, labels: Sequence[RecordedLabel] = (), **more: Any) -> Record:
    content = b"" if data is None else json.dumps(data).encode()
    return Record("u1", "s1", encoded(label).decode(), "posterior", 0.97, 2, 1, "l1", tuple(labels), content, **more)


def written(form: Form, spec: Any, *records: Record) -> tuple[bytes, Counter[str]]:
    writer = writer_for(form, schema_from(spec))
    content = b"".join([writer.begin(), writer.write(records), writer.end()])
    return content, writer.left_out


@given(st.text())
def test_a_defused_text_is_read_back_as_itself_and_begins_no_formula(text: str) -> None:
    cell = defused(text)
    assert undefused(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=5))
def test_a_strict_reader_of_csv_reads_the_very_texts(texts: list[str]) -> None:
    content, _ = written(Form("csv"), {"kind": "text"}, *[record(text) for text in texts])
    lines = list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    assert [undefused(line["label"]) for line in lines] == texts


def test_numbers_in_csv_stand_without_quotes_and_texts_within() -> None:
    content, _ = written(Form("csv"), {"kind": "number", "low": -5, "high": 5}, record(-1.5))
    assert content.splitlines()[1] == b'"u1","s1",-1.5,"posterior",0.97,2,1,1,"l1"'


@pytest.mark.parametrize(
    ("form", "spec", "told"),
    [
        (Form("xml"), CHOICE, "no format 'xml'"),
        (Form("coco", data=True), CHOICE, "no choice labels"),
        (Form("conll", data=True), CHOICE, "no choice labels"),
        (Form("conll"), SPANS, "without data"),
        (Form("conll", "annotations", data=True), SPANS, "one label a unit"),
        (Form("conll", data=True), {"kind": "spans", "classes": ["a b", "a_b"]}, "blanks alone"),
        (Form("preference-pairs", data=True), CHOICE, "choose between no answers"),
        (Form("label-studio"), {"kind": "ranking", "items": ["a", "b"]}, "no tag for ranking"),
        (Form("label-studio"), BOXES, "without data"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(form: Form, spec: Any, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told) as refused:
        writer_for(form, schema_from(spec))
    assert refused.value.cure


@pytest.mark.parametrize(
    ("form", "spec", "one", "told"),
    [
        (Form("coco", data=True), BOXES, record(NO_BOXES, {"uri": "x"}), "width and height"),
        (Form("coco", data=True), BOXES, record(NO_BOXES, {"uri": "x", "width": 0, "height": 5}), "width and height"),
        (Form("coco", data=True), BOXES, record(NO_BOXES, {"uri": "x", "width": "9e9", "height": "5"}), "width and"),
        (Form("preference-pairs", data=True), PREFERENCE, record({"prefer": "a", "strength": 1}, ["x"]), "two answers"),
        (
            Form("conll", data=True),
            SPANS,
            record({"spans": [{"start": 0, "end": 3, "class": "c"}, {"start": 2, "end": 5, "class": "c"}]}, "abcdef"),
            "overlap",
        ),
        (
            Form("conll", data=True),
            SPANS,
            record({"spans": [{"start": 1, "end": 2, "class": "c"}]}, "a b"),
            "no visible character",
        ),
    ],
)
def test_a_unit_that_a_format_cannot_say_is_named(form: Form, spec: Any, one: Record, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told) as refused:
        written(form, spec, one)
    assert refused.value.field == "s1"
    assert not FORMATS[form.format].holds_all, "so that it is tried before anything leaves"


def test_the_size_of_an_image_may_be_told_in_digits_as_a_csv_has_it() -> None:
    content, _ = written(
        Form("coco", data=True), BOXES, record(NO_BOXES, {"uri": "x", "width": "640", "height": "400"})
    )
    (image,) = json.loads(content)["images"]
    assert (image["width"], image["height"]) == (640, 400)


def test_ties_and_untold_labels_are_left_out_and_counted() -> None:
    tie = record({"prefer": "tie", "strength": 0}, ["x", "y"])
    content, left_out = written(Form("preference-pairs", data=True), PREFERENCE, tie)
    assert (content, left_out) == (b"", {"tie": 1})
    untold = record("yes", labels=[RecordedLabel("w1", '"yes"', 1), RecordedLabel("w2", "", 1)])
    for name in ("jsonl", "csv", "label-studio"):
        content, left_out = written(Form(name, "annotations"), CHOICE, untold)
        assert (content.count(b"w1"), content.count(b"w2"), left_out) == (1, 0, {"label_not_told": 1})


def test_a_row_of_every_annotator_says_who_and_what() -> None:
    rows = [RecordedLabel("w1", '"yes"', 1), RecordedLabel("w2", '"no"', 2)]
    content, _ = written(
        Form("jsonl", "annotations", data=True), CHOICE, record("yes", "text", rows, media_type="text/plain")
    )
    assert [json.loads(line) for line in content.splitlines()] == [
        {
            "unit_id": "u1", "source_id": "s1", "annotator": row.annotator, "label": json.loads(row.label),
            "guideline_version": row.guideline_version, "schema_version": 1, "resolved_label": "yes", "lot_id": "l1",
            "media_type": "text/plain", "data": "text",
        }
        for row in rows
    ]  # fmt: skip


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(TEXTS, st.data())
def test_every_span_is_exactly_the_tokens_between_b_and_the_next_that_is_not_i(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True).map(sorted))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    spans = [Span(start, end, "c") for start, end in pairs if text[start:end].strip()]
    found: list[list[int]] = []
    for token in tokens_of(text, spans):
        assert text[token.start : token.end].strip() == text[token.start : token.end] != ""
        if token.tag.startswith("B-"):
            found.append([token.start, token.end])
        elif token.tag.startswith("I-"):
            found[-1][1] = token.end
    visible = [(span.start, text[span.start : span.end]) for span in spans]
    assert len(found) == len(spans)
    for (start, end), (at, held) in zip(found, visible, strict=True):
        assert at <= start < end <= at + len(held)
        assert not text[at:start].strip() or not any(character.isalnum() for character in text[at:start])


@given(st.lists(st.binary(max_size=3 * BLOCK_BYTES // 2), max_size=4))
def test_a_tally_is_the_same_however_the_file_comes_in_pieces(pieces: list[bytes]) -> None:
    file_tally, other = FileTally("f", ""), FileTally("f", "")
    whole = b"".join(pieces)
    file_tally.add(whole)
    for piece in pieces:
        other.add(piece)
    assert file_tally.facts(0) == other.facts(0)
    assert len(file_tally.facts(0).blocks) == -(-len(whole) // BLOCK_BYTES)


@pytest.mark.parametrize("cell", [value_of, label_cell])
def test_labels_that_are_seldom_given_twice_are_not_kept(cell: Callable[[str], Any]) -> None:
    points: list[Any] = [[place, place % 7] for place in range(5_000)]
    drawn = encoded({"polygons": [{"class": "car", "points": points}]}).decode()
    held = sys.getrefcount(drawn)
    assert cell(drawn) in (drawn, [{"class": "car", "points": points}])
    assert sys.getrefcount(drawn) == held
    assert cell('"yes"') == "yes"
