"""Pages of the adjudicators' queue: what several processes list put together, and where a list goes on."""

from collections.abc import Sequence

from concord.chassis.http import cursor_of, fitting, not_ours, position_of
from concord.chassis.places.gather import merged
from services.adjudicate.domain.escalation import expected_loss
from services.adjudicate.handlers.queue import Place
from services.adjudicate.schemas import Escalation, Escalations


def shortened(page: Escalations) -> Escalations:
    """Return what a page holds of it by its size, and where it goes on."""
    shown = fitting(page.escalations)
    return page if len(shown) == len(page.escalations) else Escalations([*shown], cursor_at(in_queue(shown[-1])))


def together(pages: Sequence[Escalations], units_max: int) -> Escalations:
    """Return the first of all pages: none of what stands after a place beyond which one of them may hold more."""
    whole = merged([page.escalations for page in pages], in_queue, units_max * len(pages))
    ends = [place_in(page.next) for page in pages if page.next]
    end = min(ends, default=None)
    shown = [escalation for escalation in whole if end is None or in_queue(escalation) <= end][:units_max]
    if end is None and len(shown) == len(whole):
        return Escalations(shown)
    return Escalations(shown, cursor_at(in_queue(shown[-1]) if end is None or len(shown) == units_max else end))


def cursor_at(place: Place) -> str:
    """Return the cursor of what stands after a place in the queue."""
    return cursor_of(repr(place[0]), place[1])


def place_in(cursor: str) -> Place:
    """Return the place in the queue that a cursor says.

    Raises:
        Invalid: it is none of ours.
    """
    position = position_of(cursor)
    if len(position) != len(("gain", "unit_id")):
        raise not_ours()
    try:
        return float(str(position[0])), str(position[1])
    except ValueError as fault:
        raise not_ours() from fault


def in_queue(escalation: Escalation) -> tuple[float, str]:
    """Return where an escalation stands among all, as `ProjectView.by_loss` has it."""
    return -expected_loss(escalation.confidence, leads=escalation.leading_label is not None), escalation.unit_id
