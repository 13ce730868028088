"""What the OpenAPI document says of a route whose bodies msgspec reads and writes: FastAPI knows nothing of it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import Path, Response

JSON = "application/json"
OWN_REFUSALS = "x-refusals"
"""Where an operation holds its own refusals until `openapi` has told them; FastAPI has a 422 of its own in between."""
NO_HEAD = "x-no-head"
"""Where a route of GET holds that it answers no HEAD (see `head`): it streams, or asking uses up what it asks for."""

AnyId = Annotated[str, Path(json_schema_extra={"minLength": 1, "maxLength": 200}, description="As we gave it.")]
"""An id of ours in a path: what is none is answered 404."""


def documented(
    *,
    body: Any = None,
    body_required: bool = True,
    body_media_types: tuple[str, ...] = (JSON,),
    lines: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    reply: Any = None,
    reply_media_types: tuple[str, ...] = (JSON,),
    reply_lines: Any = None,
    streamed: bool = False,
    example: Any = None,
    status: int = 200,
    also: int | None = None,
    refusals: tuple[int, ...] = (),
    parameters: tuple[Mapping[str, Any], ...] = (),
) -> dict[str, Any]:
    """Return the options of a route, as in `routes.post("/rulings", **documented(body=Rulings, reply=RuledUnits))`.

    The refusals that the chassis makes of every route, of every body and of every parameter are added in `openapi`.

    Args:
        body: the type of the JSON body; str for a file, None for none.
        body_required: whether one must be sent; see `read_wish` for where not.
        body_media_types: those under which it is taken.
        lines: media types under which it is taken as lines of JSON.
        files: media types under which it is taken as a file of some format.
        reply: the type of the answer; None for text.
        reply_media_types: of the answer.
        reply_lines: the type of each line, or event, of an answer that is streamed.
        streamed: whether the answer is a file that is written while it is sent; those of `reply_lines` are, anyway.
        example: of the body; made of its type if None.
        status: of the answer.
        also: a second status with the same answer.
        refusals: statuses of the route's own refusals.
        parameters: what the route reads from the query by itself.
    """
    shown: dict[str, Any] = {"schema": _answered(reply, reply_lines)}
    answer = {"description": "Done.", "content": dict.fromkeys(reply_media_types, shown)}
    extra: dict[str, Any] = {OWN_REFUSALS: refusals}
    if body is not None:
        document = {} if example is None else {"example": example}
        content: dict[str, Any] = {kind: {"schema": _sent(body), **document} for kind in body_media_types}
        content |= {kind: {"schema": {"type": "string", "description": "One JSON object a line."}} for kind in lines}
        for kind in files:
            content.setdefault(kind, {"schema": _sent(str)})
        extra["requestBody"] = {"required": body_required, "content": content}
    if streamed or reply_lines is not None:
        extra[NO_HEAD] = True
    if parameters:
        extra["parameters"] = list(parameters)
    return {
        "status_code": status,
        "response_class": Response,
        "responses": {number: answer for number in (status, also) if number is not None},
        "openapi_extra": extra,
    }


def _sent(body: Any) -> Any:
    """Return the schema of a body: of JSON, or a file's, which is given as `str`."""
    return {"type": "string", "description": "A file."} if body is str else schema_of(body)


def _answered(reply: Any, lines: Any) -> dict[str, Any]:
    """Return the schema of an answer: JSON, a stream of it, or a file."""
    if reply is not None:
        found: dict[str, Any] = schema_of(reply)
        return found
    if lines is not None:
        text = "One JSON object a line, or an event each."
        return {"type": "string", "description": text, "contentMediaType": JSON, "contentSchema": schema_of(lines)}
    return {"type": "string", "description": "The file, or the text, as it is."}


def schema_of(kind: Any) -> Any:
    """Return the type's JSON schema with every type that it refers to written out in place."""
    (schema,), named = msgspec.json.schema_components([kind], ref_template="{name}")

    def written_out(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return written_out(named[part["$ref"]])
            return {key: written_out(value) for key, value in part.items()}
        return [written_out(entry) for entry in part] if isinstance(part, list) else part

    return written_out(schema)
