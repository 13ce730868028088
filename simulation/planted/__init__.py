"""Planted bugs: mistakes that a good engineer could make, each of which the checkers must catch.

Were one of them not caught, that no seed breaks anything would mean little.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from simulation.planted import doors, labelling, storing

PLANTED: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        storing.ack_before_effect,
        storing.commit_before_effect,
        storing.no_inbox,
        storing.read_modify_write,
        storing.publish_before_insert,
        storing.no_sweeper,
        storing.nothing_before_deciding,
        storing.offsets_before_said,
        storing.no_size_budget,
        doors.gold_in_a_reply,
        doors.export_of_anything,
        doors.any_token_is_believed,
        doors.any_project_is_shown,
        doors.lists_of_everybody,
        doors.content_is_not_claimed,
        doors.payload_by_its_content,
        labelling.leases_hold_no_slot,
        labelling.desks_without_an_end,
        labelling.a_wait_for_ever,
        labelling.first_label_wins,
        labelling.accepted_after_two,
        labelling.sameness_by_bytes,
        labelling.alpha_of_all_labels,
        labelling.gold_is_always_right,
    )
}


def planted(name: str) -> AbstractContextManager[None]:
    """Return the bug of that name, alive within the block."""
    return PLANTED[name]()
