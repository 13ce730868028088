"""The door to dead letters, alike in every service: operators list those of its topics, and send one again."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import FieldError, Forbidden, Invalid
from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, page_size, position_of
from concord.chassis.identity import Caller, Role, require
from concord.chassis.letter_shelf import LetterShelf, Shelved

TOPIC_CHARACTERS_MAX = 249
KEY_CHARACTERS_MAX = 500
PATH = "/v1/dead-letters"


class Letter(msgspec.Struct, frozen=True):
    """A record that a service could not take.

    What the record says is not shown: it is some client's, whoever that is.

    Attributes:
        service: which one could not.
        partition, offset: where the record lies in its topic.
        key: of the record, as text.
        record_bytes: of its key and value.
        is_whole: whether the letter holds all of the record; else it cannot be sent again from here.
        error, reason: the error's class and its sentence.
        set_aside_at, replayed_at: RFC 3339; the latter is absent where it was never sent again.
        replayed_by: who sent it again last.
    """

    letter_id: str
    service: str
    topic: str
    partition: int
    offset: int
    key: str
    record_bytes: int
    is_whole: bool
    error: str
    reason: str
    attempts: int
    set_aside_at: str
    replayed_at: str | None
    replayed_by: str

    @classmethod
    def of(cls, found: Shelved) -> "Letter":
        """Return a letter's body."""
        letter = found.letter
        return cls(
            found.letter_id,
            letter.service,
            letter.topic,
            letter.partition,
            letter.offset,
            letter.key.decode(errors="replace")[:KEY_CHARACTERS_MAX],
            len(letter.key) + len(letter.value),
            found.is_whole,
            letter.error,
            letter.reason,
            letter.attempts,
            _time(letter.metadata.occurred_at_us),
            _time(found.replayed_at_us) if found.replayed_at_us else None,
            found.replayed_by,
        )


class Letters(msgspec.Struct, frozen=True):
    """Dead letters, the newest first.

    Attributes:
        next: the cursor of older ones; absent at the end.
        left_out: older ones that this process does not keep; they lie on the topic.
    """

    letters: list[Letter]
    next: str | None
    left_out: int


Operator = Annotated[Caller, require(Role.OPERATOR)]
Topic = Annotated[str, Query(max_length=TOPIC_CHARACTERS_MAX, description="Of this topic alone.")]


def letters_router(shelf: LetterShelf) -> APIRouter:
    """Return the routes to a service's shelf."""
    routes = APIRouter()

    async def list_dead_letters(
        request: Request, caller: Operator, limit: Limit = None, cursor: str = "", topic: Topic = ""
    ) -> Response:
        """List records of the topics that this service writes which some service could not take, the newest first."""
        del request
        _unbound(caller)
        most = page_size(limit)
        found = await shelf.newest(topic, number_in(cursor), most)
        after = cursor_of(found[-1].number) if len(found) == most else None
        return json_answer(Letters([Letter.of(page) for page in found], after, shelf.left_out))

    async def replay_dead_letter(request: Request, letter_id: AnyId, caller: Operator) -> Response:
        """Send a record to its topic once more: who served it already knows it by its id, and it changes nothing."""
        del request
        _unbound(caller)
        return json_answer(Letter.of(await shelf.replay(letter_id, caller.subject)))

    routes.get(PATH, **documented(reply=Letters))(list_dead_letters)
    sent: dict[str, Any] = documented(reply=Letter, refusals=(404, 409))
    routes.post(f"{PATH}/{{letter_id}}/replay", **sent)(replay_dead_letter)
    return routes


def number_in(cursor: str) -> int | None:
    """Return the number that a cursor holds.

    Raises:
        Invalid: it holds none.
    """
    if not cursor:
        return None
    position = position_of(cursor)
    if len(position) != 1 or not isinstance(position[0], int):
        error = FieldError("cursor", "is none that we gave", "take `next` of the page before, or leave it out")
        raise Invalid(f"The cursor {error.problem}.", [error])
    return position[0]


def _unbound(caller: Caller) -> None:
    """Raise Forbidden where the operator is bound to a client: a letter may be of any."""
    if caller.client_id is not None:
        raise Forbidden("Dead letters may be of any client, and this credential is bound to one; use one that is not.")


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / MICROSECONDS, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
