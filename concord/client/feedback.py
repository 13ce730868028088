"""Clients' models: their outputs posted and scored, where they disagree with labels, and what to label next."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import Json
from concord.client.scores import (
    DisagreementPage,
    Judged,
    JudgedBatch,
    Model,
    ModelList,
    NextUnits,
    Output,
    PostedOutputs,
    Review,
    Score,
    Together,
)
from concord.client.steps import Flow

NDJSON = "application/x-ndjson"
BODY_BYTES, BODY_LINES = 1 << 20, 1_000
REFUSED_LISTED_MAX = 1_000
OutputLike = Output | Mapping[str, Json]


def post_outputs(project_id: str, outputs: Iterable[OutputLike]) -> Flow[PostedOutputs]:
    """Post what models say of units, any number, some at a time; what was posted before changes nothing.

    Returns:
        What became of all of them; lines count from the first output, from 1.
    """
    whole, before = PostedOutputs(), 0
    for lines, body in _bodies(outputs):
        path = path_of("/v1/projects/{id}/models/outputs", id=project_id)
        entry = yield from sent(PostedOutputs, "audit", "POST", path, body, media_type=NDJSON)
        moved = [
            msgspec.structs.replace(refused_output, line=refused_output.line + before)
            for refused_output in entry.refused
        ]
        whole = PostedOutputs(
            whole.posted + entry.posted,
            whole.repeated + entry.repeated,
            whole.refused_count + entry.refused_count,
            [*whole.refused, *moved][:REFUSED_LISTED_MAX],
        )
        before += lines
    return whole


def _bodies(outputs: Iterable[OutputLike]) -> Iterator[tuple[int, bytes]]:
    lines, body = 0, bytearray()
    for output in outputs:
        body += msgspec.json.encode(output) + b"\n"
        lines += 1
        if lines == BODY_LINES or len(body) >= BODY_BYTES:
            yield lines, bytes(body)
            lines, body = 0, bytearray()
    if lines:
        yield lines, bytes(body)


def models(project_id: str) -> Flow[list[Model]]:
    """Return the versions of models that a project holds outputs of, in the order in which they came."""
    return (yield from got(ModelList, "audit", path_of("/v1/projects/{id}/models", id=project_id))).models


def model_score(project_id: str, model_id: str) -> Flow[Score]:
    """Return how a version's outputs compare with all labels that are accepted by now."""
    return got(Score, "audit", _of(project_id, model_id, "score"))


def together(project_id: str) -> Flow[Together]:
    """Return what a project's accepted lots come to together: units that left, and the share of them that is wrong."""
    return got(Together, "audit", path_of("/v1/projects/{id}/inspection", id=project_id))


def disagreements(project_id: str, model_id: str, *, limit: int = 50, cursor: str = "") -> Flow[DisagreementPage]:
    """Return where a version says another thing than what was accepted, most to be learnt first."""
    query = query_of(limit=limit, cursor=cursor)
    return got(DisagreementPage, "audit", _of(project_id, model_id, "disagreements"), query)


def review(project_id: str, model_id: str, *, limit: int = 50, cursor: str = "") -> Flow[Review]:
    """Return disagreements that the calling auditor or adjudicator may judge, without whose label is whose."""
    return got(Review, "audit", _of(project_id, model_id, "review"), query_of(limit=limit, cursor=cursor))


def judge(project_id: str, model_id: str, unit_id: str, right: str, *, reason: str = "") -> Flow[Judged]:
    """Say which side of a disagreement is right: first, second, neither or ambiguous."""
    body = {"judgements": [{"unit_id": unit_id, "right": right, "reason": reason}]}
    judged_batch = yield from sent(JudgedBatch, "audit", "POST", _of(project_id, model_id, "review"), body)
    return judged_batch.results[0]


def next_units(project_id: str, model_id: str, *, units: int = 100, random_share: float = 0.2) -> Flow[NextUnits]:
    """Return which units to send for labelling next, of those that a version says something of and that are not in."""
    query = query_of(units=units, random_share=random_share)
    return got(NextUnits, "audit", _of(project_id, model_id, "next"), query)


def _of(project_id: str, model_id: str, what: str) -> str:
    return f"{path_of('/v1/projects/{id}/models/{model}', id=project_id, model=model_id)}/{what}"
