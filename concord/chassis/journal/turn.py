"""A turn: the causes of one aggregate, decided one after another on its head, and the record that comes of it."""

from collections.abc import Sequence
from typing import Generic

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.record import Cause, Decision, Entry, Head, Kind, Outcome, State, encoded_state
from concord.chassis.size_budget import DECISION_BYTES_MAX, ENTRY_EVENTS_BYTES_MAX, check_decision, check_document


class Turn(Generic[State]):
    """What becomes of an aggregate's causes, if the record is stored.

    Args:
        kind: the aggregate's.
        key: the aggregate's.
        head: where it stands.
        causes: in their order.
        now_us: the time of their decisions.

    Attributes:
        outcomes: of the causes, in their order; fewer than the causes when the record was full.
        entry: the record; None when nothing follows.
    """

    def __init__(
        self, kind: Kind[State], key: str, head: Head[State], causes: Sequence[Cause[State]], now_us: int
    ) -> None:
        self.head = head
        self.outcomes: list[Outcome[State]] = []
        self.entry: Entry[State] | None = None
        self._state = head.state
        self._state_bytes = b""
        self._answered: list[str] = []
        self._events: list[Outgoing] = []
        self._events_bytes = 0
        self._opens: list[str] = []
        for cause in causes:
            if self._events_bytes > ENTRY_EVENTS_BYTES_MAX - DECISION_BYTES_MAX:
                break
            self.outcomes.append(self._answer(cause, now_us))
        if self._answered and self._state is not None:
            opened, slot = _opening(kind, head, self._state)
            self.entry = Entry(
                key,
                head.seq + 1,
                # The first record of what waited as a row answers what began it, too.
                [*(() if head.seq else head.causes), *self._answered],
                now_us,
                self._state,
                self._events,
                self._state_bytes,
                self._events_bytes,
                opened,
                slot,
                [head.opened] if head.opened and not opened else (),
                self._opens,
                kind.last_alone,
            )

    @property
    def only_repeats(self) -> bool:
        """Whether all were answered before, which no newer head makes untrue."""
        return all(outcome.repeated for outcome in self.outcomes)

    def _answer(self, cause: Cause[State], now_us: int) -> Outcome[State]:
        if cause.id in self.head.causes or cause.id in self._answered:
            return Outcome(self._state, repeated=True)
        try:
            decision: Decision[State] | None = cause.decide(self._state, now_us)
            if decision is not None:
                self._take(cause.id, decision)
        except Exception as error:
            # What a domain's refusal means is the caller's to say.
            return Outcome(self._state, error=error)
        return Outcome(self._state)

    def _take(self, cause_id: str, decision: Decision[State]) -> None:
        """Make the decision part of the record, unless it cannot be said or kept."""
        events_bytes = self._events_bytes + check_decision(decision.events)
        state_bytes = encoded_state(decision.state)
        check_document(len(state_bytes) + events_bytes)
        self._state, self._state_bytes, self._events_bytes = decision.state, state_bytes, events_bytes
        self._answered.append(cause_id)
        self._events.extend(decision.events)
        self._opens.extend(decision.opens)


def _opening(kind: Kind[State], head: Head[State], state: State) -> tuple[int, int]:
    """Return the number of the record that opened what comes of a head, the next one where it does; and the slot."""
    slot = 0 if kind.slot is None else kind.slot(state)
    return (head.opened or head.seq + 1) if kind.is_open is not None and kind.is_open(state) else 0, slot
