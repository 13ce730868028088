"""CloudEvents 1.0 over HTTP: binary, structured and batch mode of the HTTP protocol binding, read as on the intake."""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

import msgspec
from fastapi import Request

from concord.chassis.consumer import Poison
from concord.chassis.errors import ConcordError, FieldError, Invalid, UnsupportedMediaType
from concord.chassis.http import media_type, split, whole_body
from services.ingest.domain.admission import UnitWish
from services.ingest.door.batches import Batch
from services.ingest.intake import BATCH, STRUCTURED, event_of_headers, project_of, structured_event, wish_of

BATCH_JSON = f"{BATCH}+json"
EVENT_MEDIA_TYPES = ("application/json", STRUCTURED, BATCH_JSON)
EVENTS_MAX = 1_000
"""In one batch."""
_PREFIX = "ce-"
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


async def events_in(request: Request, project_id: str) -> Batch:
    """Return the units that a request's events are, or why one is none; an event that is no batch's stands alone.

    Raises:
        UnsupportedMediaType: the body is no JSON and holds no events.
        BadRequest, Invalid: the batch is no list, or too long.
    """
    kind = media_type(request)
    if kind == BATCH_JSON:
        events = split(_LIST, await whole_body(request))
        if len(events) > EVENTS_MAX:
            error = FieldError("body", f"has {len(events)} events", f"send at most {EVENTS_MAX} in a batch")
            raise Invalid(f"The batch {error.problem}.", [error])
        wishes = [_unit(bytes(event), {}, project_id, structured=True) for event in events]
        return Batch(range(1, 1 + len(wishes)), wishes)
    structured = kind == STRUCTURED
    if not structured and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"The body is {kind[:100] or 'of no type'}; send {', '.join(EVENT_MEDIA_TYPES)}.")
    found = _unit(await whole_body(request), dict(_attributes(request)), project_id, structured=structured)
    if isinstance(found, ConcordError):
        raise found
    return Batch([1], [found], alone=True)


def _attributes(request: Request) -> Iterator[tuple[str, str]]:
    for name, value in request.headers.items():
        if name.startswith(_PREFIX):
            yield name.removeprefix(_PREFIX), unquote(value)


def _unit(body: bytes, attributes: Mapping[str, str], project_id: str, *, structured: bool) -> UnitWish | ConcordError:
    try:
        event = structured_event(body) if structured else event_of_headers(attributes, body)
        source = project_of(event)
        wish = wish_of(event)
    except Poison as fault:
        field, _, problem = str(fault).partition(": ")
        what, _, cure = problem.partition("; ")
        return Invalid(
            f"{fault}.", [FieldError(field, what or field, cure or "send a CloudEvent whose data is a unit")]
        )
    if source != project_id:
        cure = f"send '/projects/{project_id}', or post to the events of that project"
        return Invalid("source: is another project.", [FieldError("source", "is another project", cure)])
    return wish
