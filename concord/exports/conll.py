"""CoNLL in four columns with IOB2 tags: a document a unit, a sentence a line of its text.

Tokens are words and single signs; where a span begins or ends within one it is cut there, so that no span is dropped or
moved. What four columns cannot say is refused, not bent: spans that overlap, and spans without a visible character. A
class has its blanks written as `_`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from concord.exports.form import DoesNotFit, Form, Format, always
from concord.exports.record import Record
from concord.labels import LabelSchema

NAME = "conll"
MEDIA_TYPE = "text/plain; charset=utf-8"
DOCUMENT = "-DOCSTART- -X- O O\n\n"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_BLANKS = re.compile(r"\s+")
_LINE = re.compile(r"[\n\r\u0085\u2028\u2029\v\f]")


class Span(NamedTuple):
    """A range of code points, end not included, and its class."""

    start: int
    end: int
    name: str


class Token(NamedTuple):
    """A piece of the text without blanks, and its tag."""

    start: int
    end: int
    tag: str


class ConllWriter:
    """Writes documents; see `form.Writer`."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        del form
        if schema.kind != "spans":
            raise DoesNotFit("format", f"CoNLL holds spans, no {schema.kind} labels.", "ask for jsonl or parquet")
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        classes: Any = schema.spec()["classes"]
        self._names = {name: _BLANKS.sub("_", name) for name in classes}
        if len(set(self._names.values())) < len(self._names):
            problem = "Two classes differ by their blanks alone, which a tag cannot hold."
            raise DoesNotFit("format", problem, "ask for jsonl or parquet")

    def begin(self) -> bytes:
        """Return nothing."""
        return b""

    def write(self, records: Sequence[Record]) -> bytes:
        """Return the documents of some units."""
        self.rows += len(records)
        return "".join(part for record in records for part in self._document(record)).encode()

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def _document(self, record: Record) -> Iterator[str]:
        text = record.text()
        if text is None:
            raise DoesNotFit(record.source_id, "Its data is no text.", "ask for jsonl or parquet")
        spans = [
            Span(span["start"], span["end"], self._names[span["class"]])
            for span in msgspec.json.decode(record.label)["spans"]
        ]
        _check(spans, text, record.source_id)
        yield DOCUMENT
        written = 0
        for token in tokens_of(text, spans):
            between = text[written : token.start]
            if written and _LINE.search(between) and not token.tag.startswith("I-"):
                yield "\n"
            yield f"{text[token.start : token.end]} -X- _ {token.tag}\n"
            written = token.end
        yield "\n"


def tokens_of(text: str, spans: Sequence[Span]) -> Iterator[Token]:
    """Yield the tokens of a text, cut wherever a span begins or ends.

    >>> [text_of.tag for text_of in tokens_of("Anna-Lena slept", [Span(0, 9, "PER")])]
    ['B-PER', 'I-PER', 'I-PER', 'O']
    >>> [(one.start, one.end, one.tag) for one in tokens_of("unhappy", [Span(2, 7, "X")])]
    [(0, 2, 'O'), (2, 7, 'B-X')]
    """
    waiting = sorted(spans)
    inside: Span | None = None
    begun = False
    cuts = sorted({place for span in spans for place in span[:2]})
    for start, end in _pieces(text, cuts):
        while waiting and waiting[0].start <= start:
            inside, begun = waiting.pop(0), False
        if inside is not None and start >= inside.end:
            inside = None
        if inside is None:
            yield Token(start, end, "O")
        else:
            yield Token(start, end, f"{'I' if begun else 'B'}-{inside.name}")
            begun = True


def _pieces(text: str, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    place = 0
    for found in _TOKEN.finditer(text):
        start, end = found.span()
        while place < len(cuts) and cuts[place] <= start:
            place += 1
        while place < len(cuts) and cuts[place] < end:
            yield start, cuts[place]
            start = cuts[place]
            place += 1
        yield start, end


def _check(spans: Sequence[Span], text: str, source_id: str) -> None:
    ordered = sorted(spans)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            problem = f"Its spans at {before.start} to {before.end} and {after.start} to {after.end} overlap."
            raise DoesNotFit(
                source_id, problem, "ask for jsonl, parquet or label-studio; one tag a token cannot say it"
            )
    for span in ordered:
        if not text[span.start : span.end].strip():
            problem = f"Its span at {span.start} to {span.end} holds no visible character."
            raise DoesNotFit(source_id, problem, "ask for jsonl, parquet or label-studio")


FORMAT = Format(NAME, "conll", MEDIA_TYPE, False, True, False, always, ConllWriter)
