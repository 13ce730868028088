"""One budget of sizes, so that what is committed can be said: each bound leaves room for what goes round it.

A label is part of an event, the events of one decision lie in one record of the journal, an event is one record of
the broker and must fit whole into a dead letter. Whoever makes one of these bounds larger looks at all of them.
"""

from collections.abc import Iterable

from concord.chassis.broker.port import RECORD_BYTES_MAX, Outgoing, bytes_to_publish, why_never_taken
from concord.chassis.errors import FieldError, Invalid, Poison
from concord.chassis.store.port import DOCUMENT_BYTES_MAX
from concord.labels.schema import LABEL_BYTES_MAX

EVIDENCE_BYTES_MAX = 600_000
"""Of all labels that one event repeats as evidence; beyond it the event tells their digests alone."""
DECISION_BYTES_MAX = 900_000
"""Of all events of one decision, with keys and headers: so that each fits a record of the broker, and a dead letter
that tells of it too."""
ENTRY_EVENTS_BYTES_MAX = 2_000_000
"""Of the events of one record of the journal, which may answer several causes at once."""
EVENT_OVERHEAD_BYTES = 100
"""What an event is taken to need in a record of the journal beside its key, value and headers."""

BUDGET = (LABEL_BYTES_MAX, EVIDENCE_BYTES_MAX, DECISION_BYTES_MAX, RECORD_BYTES_MAX, DOCUMENT_BYTES_MAX)
assert list(BUDGET) == sorted(set(BUDGET)), "each bound is below the one of what it lies in"
assert DECISION_BYTES_MAX < ENTRY_EVENTS_BYTES_MAX < DOCUMENT_BYTES_MAX, "one decision fits a record that holds others"


class CannotBeSaid(Invalid, Poison):
    """What follows from this cannot be told to the other services or kept, so nothing was stored.

    A door that knows better names its own field and cure; a consumer takes it for poison.
    """


def check_decision(events: Iterable[Outgoing]) -> int:
    """Return the bytes of the events of one decision.

    The sum counts what each needs in a record of the journal, too.

    Raises:
        CannotBeSaid: no broker would ever take one of them, or together they are over DECISION_BYTES_MAX.
    """
    size = 0
    for event in events:
        if (needed := bytes_to_publish(event)) is None:
            text = f"An event cannot be said: {why_never_taken(event)}."
            raise CannotBeSaid(text, [_smaller(RECORD_BYTES_MAX)])
        size += needed + EVENT_OVERHEAD_BYTES
    if size > DECISION_BYTES_MAX:
        text = f"The events that follow have {size} bytes; at most {DECISION_BYTES_MAX} can be said."
        raise CannotBeSaid(text, [_smaller(DECISION_BYTES_MAX)])
    return size


def check_document(size: int) -> None:
    """Raise CannotBeSaid when a record of so many bytes, state and events, could not be kept."""
    if size > DOCUMENT_BYTES_MAX:
        text = f"The record would have {size} bytes; at most {DOCUMENT_BYTES_MAX} are kept."
        raise CannotBeSaid(text, [_smaller(DOCUMENT_BYTES_MAX)])


def _smaller(bytes_max: int) -> FieldError:
    return FieldError("$", "too large with all that goes round it", f"send less: {bytes_max} bytes hold all of it")
