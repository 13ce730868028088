"""SageMaker's augmented manifest: a line of JSON a record, `source` or `source-ref`, labels beside their metadata.

A label attribute `species` goes with `species-metadata`. Which attribute is the known label, and which a model's, is
said by `gold` and `suggestion`. Classes are read by their names: numbers stand for places in a list that no file has.
"""

import hashlib
from collections.abc import Iterator, Mapping
from mimetypes import guess_type
from typing import Any

import msgspec

from concord.chassis.csv_records import listed, refused
from concord.chassis.errors import BadRequest, ConcordError, Invalid
from concord.chassis.http import decode_line
from services.ingest.domain.admission import Suggestion, UnitWish
from services.ingest.domain.staffing import Caution
from services.ingest.formats.lines import Line, Lines
from services.ingest.formats.rows import UNREADABLE, Options, Row, number_in, sized, text_in

ID_BYTES = 16
_RECORD = msgspec.json.Decoder(dict[str, Any])


class SageMakerReader:
    """Reads a manifest as it comes.

    Args:
        options: `id` names the attribute that is the unit's own id; without it the unit is named by a hash of its
            source, which is the same in every manifest.
        line: how many lines were read before, where a file is read on.
    """

    header: tuple[str, ...] = ()

    def __init__(self, options: Options, line: int = 0) -> None:
        self._options = options
        self._lines = Lines(line)

    @property
    def pending(self) -> int:
        """Return the bytes of the line that is not whole yet."""
        return self._lines.pending

    @property
    def line(self) -> int:
        """Return how many lines were read before it."""
        return self._lines.line

    def feed(self, chunk: bytes) -> Iterator[Row]:
        """Yield the rows that are whole now."""
        return self._rows(self._lines.feed(chunk))

    def end(self) -> Iterator[Row]:
        """Yield what is left."""
        return self._rows(self._lines.end())

    def _rows(self, lines: Iterator[Line]) -> Iterator[Row]:
        for number, line in lines:
            try:
                read = (line,) if isinstance(line, ConcordError) else _unit(decode_line(_RECORD, line), self._options)
            except (BadRequest, Invalid) as refusal:
                read = (refusal,)
            yield Row(number, *read)


def _unit(record: dict[str, Any], options: Options) -> tuple[UnitWish, tuple[Caution, ...]]:
    source = record.get("source-ref", record.get("source"))
    if not isinstance(source, str) or not source:
        raise refused("source", f"is missing; there are {listed(record)}", "send source or source-ref")
    elsewhere = "source-ref" in record
    name = record.get(options.id) if options.id else hashlib.sha256(source.encode()).hexdigest()[: 2 * ID_BYTES]
    if name is None:
        raise refused(options.id, f"is missing; there are {listed(record)}", "name an attribute of each record by `id`")
    media_type = options.media_type or (elsewhere and guess_type(source)[0]) or ("" if not elsewhere else "image/jpeg")
    content, cautions = sized({"uri": source} if elsewhere else source, options.schema, _size_told(record, options))
    gold = _label(record, options.gold, options) if options.gold else None
    suggestion = None
    if options.suggestion and (label := _label(record, options.suggestion, options)) is not None:
        metadata = _metadata(record, options.suggestion)
        suggestion = Suggestion(label, text_in(metadata.get("job-name")), number_in(metadata.get("confidence")))
    return UnitWish(str(name), content, media_type, gold=gold, suggestion=suggestion), cautions


def _size_told(record: Mapping[str, Any], options: Options) -> Any:
    """Return the size of the picture as a bounding box job writes it beside the boxes."""
    for name in filter(None, (options.gold, options.suggestion)):
        value = record.get(name)
        sizes = value.get("image_size") if isinstance(value, dict) else None
        if isinstance(sizes, list) and sizes:
            return sizes[0]
    return None


def _label(record: Mapping[str, Any], attribute: str, options: Options) -> Any:
    """Return the label that an attribute is, as the project's kind has it; None where the record has none."""
    value, metadata = record.get(attribute), _metadata(record, attribute)
    if value is None:
        return None
    kind = options.schema.kind
    if kind == "boxes":
        return {"boxes": [_box(box, metadata, attribute) for box in _listed(value, "annotations", attribute)]}
    if kind == "choice" and "class-name" in metadata:
        return metadata["class-name"]
    if kind == "choices" and isinstance(metadata.get("class-map"), dict) and isinstance(value, list):
        return [metadata["class-map"].get(str(name), name) for name in value]
    return value


def _metadata(record: Mapping[str, Any], attribute: str) -> Mapping[str, Any]:
    metadata = record.get(f"{attribute}-metadata")
    return metadata if isinstance(metadata, dict) else {}


def _listed(value: Any, part: str, attribute: str) -> list[Any]:
    found = value.get(part) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise refused(attribute, f"has no {part}", "send what a bounding box job writes")
    return found


def _box(box: Any, metadata: Mapping[str, Any], attribute: str) -> dict[str, Any]:
    try:
        left, top, name = box["left"], box["top"], metadata["class-map"][str(box["class_id"])]
        return {"left": left, "top": top, "right": left + box["width"], "bottom": top + box["height"], "class": name}
    except UNREADABLE as fault:
        cure = "send left, top, width and height as numbers, class_id, and the class-map in the metadata"
        raise refused(attribute, f"has a box that cannot be read ({str(fault)[:60]})", cure) from fault
