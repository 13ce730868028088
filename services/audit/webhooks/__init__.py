"""Webhooks: a project's client is told at its own server of what happens.

`book` is where they are found, `telling` makes a delivery of an event for each endpoint that asked for it, `sending`
brings them there and knows what became of each, `sender` is the way out, and `registering` is what clients may do.
Decided in docs/decisions/0070; for clients in docs/webhooks.md.
"""

from dataclasses import dataclass

from services.audit.webhooks.book import Book
from services.audit.webhooks.means import HookMeans
from services.audit.webhooks.registering import Registering
from services.audit.webhooks.sending import Sending
from services.audit.webhooks.telling import Telling

__all__ = ["Book", "HookMeans", "Webhooks"]


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The use cases of webhooks."""

    book: Book
    telling: Telling
    sending: Sending
    registering: Registering

    @classmethod
    def of(cls, means: HookMeans) -> "Webhooks":
        """Return the use cases over the same means."""
        return cls(means.book, Telling(means), Sending(means), Registering(means))
