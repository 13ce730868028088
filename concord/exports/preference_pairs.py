"""Preference pairs as trainers of reward models and DPO read them: JSONL with `prompt`, `chosen` and `rejected`.

The unit's content is a list of two answers, or an object with the answers under `a` and `b` or under `responses`, and
with the prompt, if any, under `prompt`. An answer is a text or a list of messages, and leaves as it came. A tie has no
chosen answer: it is left out, and counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from concord.exports.form import DoesNotFit, Form, Format, always
from concord.exports.jsonl import MEDIA_TYPE, line_of
from concord.exports.record import Record
from concord.exports.table import NOT_TOLD
from concord.labels import LabelSchema

NAME = "preference-pairs"
TIE = "tie"


class PreferenceWriter:
    """Writes pairs; see `form.Writer`."""

    def __init__(self, form: Form, schema: LabelSchema) -> None:
        if schema.kind != "preference":
            raise DoesNotFit("format", f"{schema.kind} labels choose between no answers.", "ask for jsonl or parquet")
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._form = form

    def begin(self) -> bytes:
        """Return nothing."""
        return b""

    def write(self, records: Sequence[Record]) -> bytes:
        """Return the pairs of some units."""
        return b"".join(self._lines(records))

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def _lines(self, records: Sequence[Record]) -> list[bytes]:
        found = []
        for record in records:
            pair = pair_of(record)
            for label, more in self._said(record):
                answer = msgspec.json.decode(label)
                if answer["prefer"] == TIE:
                    self.left_out[TIE] += 1
                    continue
                found.append(line_of(_row(pair, answer, record, more)))
        self.rows += len(found)
        return found

    def _said(self, record: Record) -> list[tuple[str, dict[str, Any]]]:
        if self._form.rows == "units":
            return [(record.label, {"confidence": record.confidence})]
        self.left_out[NOT_TOLD] += sum(not entry.label for entry in record.said)
        return [(entry.label, {"annotator": entry.annotator}) for entry in record.said if entry.label]


def pair_of(record: Record) -> dict[str, Any]:
    """Return a unit's two answers under `a` and `b`, and its prompt where it has one.

    Raises:
        DoesNotFit: the content holds no two answers.
    """
    content = record.content()
    answers: Any = content
    found: dict[str, Any] = {}
    if isinstance(content, dict):
        answers = [content["a"], content["b"]] if {"a", "b"} <= content.keys() else content.get("responses")
        if "prompt" in content:
            found["prompt"] = content["prompt"]
    if not isinstance(answers, list) or len(answers) != 2:
        cure = "send units as {'prompt': ..., 'a': ..., 'b': ...}, or ask for jsonl or parquet"
        raise DoesNotFit(record.source_id, "Its content does not hold two answers.", cure)
    return found | {"a": answers[0], "b": answers[1]}


def _row(pair: dict[str, Any], entry: Any, record: Record, more: dict[str, Any]) -> dict[str, Any]:
    chosen, rejected = ("a", "b") if entry["prefer"] == "a" else ("b", "a")
    prompt = {"prompt": pair["prompt"]} if "prompt" in pair else {}
    extra = {"strength": entry["strength"], "unit_id": record.unit_id, "source_id": record.source_id}
    return {**prompt, "chosen": pair[chosen], "rejected": pair[rejected], **extra, **more}


FORMAT = Format(NAME, "jsonl", MEDIA_TYPE, True, True, False, always, PreferenceWriter)
