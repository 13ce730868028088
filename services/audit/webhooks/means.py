"""What every use case of webhooks works with."""

from collections.abc import Callable
from dataclasses import dataclass

from concord.chassis.clock import Clock
from concord.chassis.journal.journal import Journal
from concord.chassis.telemetry import Instruments, Tracing
from services.audit.webhooks.book import Book
from services.audit.webhooks.sender import Sender


@dataclass(frozen=True, slots=True)
class HookMeans:
    """Where deliveries are found and how they get out.

    Attributes:
        secret: what endpoints' secrets are made of, beside a salt of each.
        inside: whether endpoints may lie within the local network, as on the local stack.
        random: so many bytes that nobody can foresee.
    """

    book: Book
    journal: Journal
    sender: Sender
    secret: bytes
    inside: bool
    instruments: Instruments
    tracing: Tracing
    clock: Clock
    random: Callable[[int], bytes]
