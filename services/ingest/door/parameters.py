"""What a query says of a file that is sent, and the header that makes a request safe to send again."""

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Query, Response
from starlette.exceptions import HTTPException

from concord.chassis.errors import FieldError, Invalid
from concord.labels import LabelSchema
from services.ingest.domain.imports import ImportWish
from services.ingest.door.batches import Body
from services.ingest.formats import FORMATS, Options
from services.ingest.handlers import Imports

COLUMN_CHARACTERS_MAX = 200
COLUMNS_CHARACTERS_MAX = 4_000
URI_CHARACTERS_MAX = 1_000
KEY_CHARACTERS_MAX = 255
CONTENT = "The columns that are shown, by comma; several make an object. Left out, `content`, or all that a task shows."
MEDIA_TYPE = "Of units that do not say. Of any but a text's, what the column of the content holds is an address."
BASE_URI = "Stands before each address that is a path."
REPLAYED = {"idempotent-replayed": "true"}

FORMAT = Query(
    alias="format",
    max_length=20,
    description=f"units, {', '.join(FORMATS)}; without it, what the media type says.",
)
Key = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        min_length=1,
        max_length=KEY_CHARACTERS_MAX,
        pattern="^[!-~]+$",
        description="Sent again within a day with the same body, the request is answered as it was the first time.",
    ),
]
"""draft-ietf-httpapi-idempotency-key-header."""


def _column(meaning: str) -> Any:
    return Query(max_length=COLUMN_CHARACTERS_MAX, description=f"The column, or part of a record, {meaning}")


@dataclass(frozen=True)
class Columns:
    """Which columns of a file mean what: see `Options`, which this becomes."""

    id: Annotated[str, _column("of your own ids; left out, `id`, or what the format itself names a record by.")] = ""
    content: Annotated[str, Query(max_length=COLUMNS_CHARACTERS_MAX, description=CONTENT)] = ""
    gold: Annotated[str, _column("of known labels; left out, `gold` where there is one.")] = ""
    suggestion: Annotated[str, _column("of a model's labels; left out, `suggestion` where there is one.")] = ""
    media_type: Annotated[str, Query(max_length=COLUMN_CHARACTERS_MAX, description=MEDIA_TYPE)] = ""
    base_uri: Annotated[str, Query(max_length=URI_CHARACTERS_MAX, description=BASE_URI)] = ""

    def options(self, schema: LabelSchema) -> Options:
        """Return what the format's reader is told."""
        return _options(self, schema)


async def columns_of(**given: str) -> Columns:
    """Return the columns that a request names: a dependency on the event loop, where a class's would take a thread."""
    return Columns(**given)


columns_of.__signature__ = inspect.signature(Columns)  # type: ignore[attr-defined]  # what the query may hold


def options_of(wish: ImportWish, schema: LabelSchema) -> Options:
    """Return what an import's reader is told."""
    return _options(wish, schema)


def _options(wish: Columns | ImportWish, schema: LabelSchema) -> Options:
    content = tuple(name.strip() for name in wish.content.split(",") if name.strip())
    return Options(schema, wish.id, content, wish.gold, wish.suggestion, wish.media_type.lower(), wish.base_uri)


async def again(imports: Imports, body: Body, place: str) -> Response | None:
    """Return what was answered under this key before; None where nothing was.

    Args:
        imports: keep the answers.
        body: is read to its end, to see whether it is the same.
        place: of the answer.

    Raises:
        Invalid: another body was sent under this key.
    """
    known = await imports.answered(place)
    if known is None:
        return None
    try:
        async for _ in body.stream():
            pass
    except HTTPException:
        # The first one may have ended so, too; then it is the same, and what is told of it is the same.
        pass
    if body.sha256.hexdigest() != known.sha256:
        error = FieldError("idempotency-key", "was sent with another body", "send a new key with a new body")
        raise Invalid("The Idempotency-Key was used for another request.", [error])
    return Response(known.body, known.status, REPLAYED, "application/json")
