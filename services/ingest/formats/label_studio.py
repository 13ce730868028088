"""Label Studio's tasks, as its JSON export and its import have them: data, annotations and predictions.

`data` is what is shown. Of `annotations` the newest that is a ground truth and was not cancelled is the unit's known
label; of `predictions` the newest is a model's suggestion. All others are counted in a caution: Concord measures the
labels of its own annotators only. Regions are read in the units of our label kinds: pixels for Label
Studio's per cent, code points for its offsets.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from concord.chassis.csv_records import RECORD_BYTES_MAX, listed, refused
from concord.chassis.errors import BadRequest, ConcordError, Invalid
from concord.chassis.http import decode_line
from concord.labels.form import Form
from services.ingest.domain.admission import Suggestion, UnitWish
from services.ingest.domain.staffing import Caution
from services.ingest.formats.json_list import ListSplitter
from services.ingest.formats.rows import UNREADABLE, Options, Row, content_of, number_in, sized, text_in

PERCENT = 100.0
_PREFER = {"left": "a", "right": "b"}
_TASK = msgspec.json.Decoder(dict[str, Any])


class LabelStudioReader:
    """Reads a list of tasks as it comes.

    Args:
        options: `content` names the parts of `data` that are shown, all of them if it is empty; `id` the part that
            names the unit, the task's own id if it is empty.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._splitter = ListSplitter()
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[Row]:
        """Yield the tasks that are whole now.

        Raises:
            BadRequest: it is no list.
        """
        for text in self._splitter.feed(chunk):
            self._number += 1
            yield self._row(text)

    def end(self) -> Iterator[Row]:
        """Yield nothing: a list is closed, or it is none.

        Raises:
            BadRequest: the list is not closed.
        """
        self._splitter.end()
        yield from ()

    def _row(self, text: bytes | None) -> Row:
        if text is None:
            problem = f"is over {RECORD_BYTES_MAX} bytes"
            return Row(
                self._number, refused("task", problem, "send fewer annotations with it, or its content by address")
            )
        try:
            return Row(self._number, *_unit(decode_line(_TASK, text), self._options))
        except (BadRequest, Invalid) as refusal:
            return Row(self._number, refusal)


def _unit(task: dict[str, Any], options: Options) -> tuple[UnitWish | ConcordError, tuple[Caution, ...]]:
    data = task.get("data")
    if not isinstance(data, dict):
        raise refused("data", "is missing", "send tasks as Label Studio exports them to JSON, not JSON-MIN")
    shown = options.content or tuple(data)
    if missing := [name for name in shown if name not in data]:
        raise refused("data", f"has no {listed(missing)}; there are {listed(data)}", "name its parts by `content`")
    content = data[shown[0]] if len(shown) == 1 else {name: data[name] for name in shown}
    attributes: dict[str, Any] = {"media_type": options.media_type}
    text = next((data[name] for name in shown if isinstance(data[name], str)), None)
    truths, others = _parted(task.get("annotations"))
    cautions: list[Caution] = []
    if truths:
        attributes["gold"], left = label_of_results(options, truths[-1].get("result"), text, "annotations")
        cautions += _left("gold", left)
    guesses = _by_age(prediction for prediction in _dicts(task.get("predictions")) if prediction.get("result"))
    if guesses:
        label, left = label_of_results(options, guesses[-1]["result"], text, "predictions")
        cautions += _left("suggestion", left)
        newest = guesses[-1]
        attributes["suggestion"] = Suggestion(
            label, text_in(newest.get("model_version")), number_in(newest.get("score"))
        )
    if count := others + max(0, len(truths) - 1) + max(0, len(guesses) - 1):
        cure = "mark the one that is known to be right as ground_truth"
        cautions.append(Caution("annotations", f"are left out: {count} of annotators or older ones", cure))
    name = data.get(options.id) if options.id else task.get("id")
    if name is None:
        raise refused(
            options.id or "id", "is missing", "send the task's id, or name the part of data that is one by `id`"
        )
    results = [result for entry in (*guesses, *truths) for result in _dicts(entry.get("result"))]
    shown_as = content_of(content, options.media_type, options.base_uri)
    pictured, unsized = sized(shown_as, options.schema, _size_told(results))
    return UnitWish(str(name), pictured, **attributes), (*cautions, *unsized)


def _parted(annotations: Any) -> tuple[list[dict[str, Any]], int]:
    """Return the ground truths, oldest first, and how many other annotations there are."""
    known = _dicts(annotations)
    truths = [
        annotation for annotation in known if annotation.get("ground_truth") and not annotation.get("was_cancelled")
    ]
    return _by_age(truths), len(known) - len(truths)


def _by_age(known: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return them oldest first, and as they stand in the file where they tell no time."""
    return sorted(known, key=lambda entry: str(entry.get("updated_at") or entry.get("created_at") or ""))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [value_of for value_of in value if isinstance(value_of, dict)] if isinstance(value, list) else []


def _left(field: str, types: Sequence[str]) -> Iterator[Caution]:
    if types:
        problem = f"is read without {listed(sorted(set(types)))}"
        yield Caution(field, problem, "define a project of that kind for them; the label schema here has another")


def label_of_results(options: Options, results: Any, text: str | None, field: str) -> tuple[Any, list[str]]:
    """Return the label that an annotation's results are, as the project's kind has it, and the types left out.

    A form's fields are the controls of their names.

    Raises:
        Invalid: none of them is of that kind, or one has no counterpart in it.
    """
    found, schema = _dicts(results), options.schema
    if not isinstance(schema, Form):
        return _read_as(schema.kind, found, text, field)
    answers, left = {}, []
    for asked in schema.fields:
        mine = [result for result in found if result.get("from_name") == asked.name]
        if mine:
            answers[asked.name], more = _read_as(asked.schema.kind, mine, text, field)
            left += more
    named = [each.name for each in schema.fields]  # a list: what it is asked for may be anything
    left += [str(result.get("type")) for result in found if result.get("from_name") not in named]
    return {"answers": answers}, left


def _read_as(kind: str, found: Sequence[dict[str, Any]], text: str | None, field: str) -> tuple[Any, list[str]]:
    types, read = _KINDS[kind]
    mine = [result for result in found if result.get("type") in types]
    left = [str(result.get("type")) for result in found if result.get("type") not in types]
    if not mine and (left or kind not in _REGIONS):
        problem = f"has {listed(sorted(set(left)))}, and the label schema is of kind {kind}"
        raise refused(f"{field}.result", problem, f"send results of type {' or '.join(types)}")
    try:
        return read(mine, text), left
    except UNREADABLE as fault:
        problem = f"is not as Label Studio writes it ({type(fault).__name__}: {str(fault)[:60]})"
        raise refused(f"{field}.result", problem, "send the task as Label Studio exports it") from fault


def _one(mine: Sequence[Mapping[str, Any]], part: str) -> Any:
    if len(mine) > 1:
        raise refused("result", f"has {len(mine)} of {part}", "send one")
    return mine[0]["value"][part]


def _choice(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    chosen = _one(mine, "choices")
    if len(chosen) != 1:
        raise refused("choices", f"names {len(chosen)}", "define a project of kind choices for several")
    return chosen[0]


def _choices(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    return list(_one(mine, "choices"))


def _taxonomy(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    paths = _one(mine, "taxonomy")
    if len(paths) != 1:
        raise refused("taxonomy", f"names {len(paths)}", "send one path")
    return list(paths[0])


def _number(part: str) -> Callable[[Sequence[Mapping[str, Any]], str | None], Any]:
    return lambda mine, _: _one(mine, part)


def _text(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    written = _one(mine, "text")
    return written if isinstance(written, str) else "\n".join(written)


def _preference(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    side = _PREFER.get(_one(mine, "selected"))
    return {"prefer": "tie", "strength": 0} if side is None else {"prefer": side, "strength": 1}


def _ranking(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    ranked = _one(mine, "ranker")
    if isinstance(ranked, dict):
        if len(ranked) != 1:
            raise refused("ranker", f"has {len(ranked)} buckets", "send one ranking")
        (ranked,) = ranked.values()
    return list(ranked)


def _spans(mine: Sequence[Mapping[str, Any]], text: str | None) -> Any:
    spans = []
    for result in mine:
        value = result["value"]
        start, end = _code_points(value, text)
        spans += [{"start": start, "end": end, "class": name} for name in value[result["type"]]]
    return {"spans": spans}


def _code_points(value: Mapping[str, Any], text: str | None) -> tuple[int, int]:
    """Return a region's offsets in code points. Browsers count UTF-16 units, other tools code points.

    What was marked is told beside the offsets, so that it can be seen which they are.
    """
    start, end, marked = int(value["start"]), int(value["end"]), value.get("text")
    if text is None:
        return start, end
    units = text.encode("utf-16-le")
    if len(units) == 2 * len(text):
        return start, end
    if isinstance(marked, str) and marked and text[start:end] == marked:
        return start, end
    before, within = units[: 2 * start], units[2 * start : 2 * end]
    if isinstance(marked, str) and within == marked.encode("utf-16-le"):
        first = len(before.decode("utf-16-le"))
        return first, first + len(marked)
    cure = "send the marked text as `value.text`, as Label Studio does"
    raise refused("value.start", "cannot be told in code points: what lies there is not value.text", cure)


def _boxes(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    boxes = []
    for result in mine:
        value, (across, down) = result["value"], _size(result)
        if value.get("rotation"):
            raise refused("value.rotation", "is not 0", "send turned boxes as polygons, to a project of that kind")
        left, top = value["x"] * across, value["y"] * down
        edges = {
            "left": left,
            "top": top,
            "right": left + value["width"] * across,
            "bottom": top + value["height"] * down,
        }
        boxes += [{**edges, "class": name} for name in value[result["type"]]]
    return {"boxes": boxes}


def _polygons(mine: Sequence[Mapping[str, Any]], _: str | None) -> Any:
    polygons = []
    for result in mine:
        across, down = _size(result)
        points = [[x * across, y * down] for x, y in result["value"]["points"]]
        polygons += [{"points": points, "class": name} for name in result["value"][result["type"]]]
    return {"polygons": polygons}


def _size_told(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the size of the picture as the last of its regions tells it."""
    sizes = [result for result in results if "original_width" in result]
    return {"width": sizes[-1]["original_width"], "height": sizes[-1].get("original_height")} if sizes else {}


def _size(result: Mapping[str, Any]) -> tuple[float, float]:
    """Return how many pixels one per cent is, across and down."""
    if not result.get("original_width") or not result.get("original_height"):
        raise refused("original_width", "is missing", "send results with the size of their image")
    return result["original_width"] / PERCENT, result["original_height"] / PERCENT


_Read = Callable[[Sequence[Mapping[str, Any]], str | None], Any]
_KINDS: dict[str, tuple[tuple[str, ...], _Read]] = {
    "choice": (("choices",), _choice),
    "choices": (("choices",), _choices),
    "taxonomy": (("taxonomy",), _taxonomy),
    "rating": (("rating",), _number("rating")),
    "number": (("number",), _number("number")),
    "text": (("textarea",), _text),
    "preference": (("pairwise",), _preference),
    "ranking": (("ranker",), _ranking),
    "spans": (("labels", "hypertextlabels"), _spans),
    "boxes": (("rectanglelabels",), _boxes),
    "polygons": (("polygonlabels",), _polygons),
}
_REGIONS = ("spans", "boxes", "polygons")
"""Kinds of which a label may be empty."""
