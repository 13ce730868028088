"""Who is on a break in a project, until when and why: nothing new is offered to them until it is over."""

from typing import NamedTuple


class Break(NamedTuple):
    """A break that was asked for: until when, microseconds since the epoch, and why, as the annotator is told it."""

    until_us: int
    reason: str


class Breaks:
    """The breaks of one project. One that is over is forgotten when its annotator next asks for work.

    >>> breaks = Breaks()
    >>> breaks.ask("ann", Break(20, "You have worked for 90 minutes without a pause."))
    >>> breaks.running("ann", 19) is not None, breaks.running("ann", 20), breaks.running("bob", 1)
    (True, None, None)
    """

    def __init__(self) -> None:
        self._breaks: dict[str, Break] = {}

    def ask(self, annotator_id: str, asked: Break) -> None:
        """Ask an annotator for a break; told again, or an older one told late, it changes nothing."""
        known = self._breaks.get(annotator_id)
        if known is None or known.until_us < asked.until_us:
            self._breaks[annotator_id] = asked

    def running(self, annotator_id: str, now_us: int) -> Break | None:
        """Return the break that the annotator is on now."""
        known = self._breaks.get(annotator_id)
        if known is not None and known.until_us <= now_us:
            del self._breaks[annotator_id]
            return None
        return known
