"""What lots hold of whom: written down before a lot is accepted, and read by annotator and day."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Store
from services.audit.domain import radius as domain
from services.audit.domain.lot import LotState
from services.audit.domain.radius import DAY_US, LOOK_BACK_DAYS, Hand, Radius
from services.audit.repository import HANDS

DAYS_AT_ONCE = 7
"""Days of somebody's accepted work that are asked for in one go, back to where it last held."""


class HandIndex:
    """What accepted lots hold of each annotator.

    Args:
        store: where it lies, beside the journal.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def keep(self, lot: LotState, hands: Sequence[Hand]) -> None:
        """Write down what a lot that is to be accepted holds of each annotator; said again it changes nothing."""
        judgement = "/".join(map(str, lot.judgement))
        documents: list[dict[str, Any]] = [
            {
                **msgspec.structs.asdict(hand),
                "_id": f"{lot.lot_id}/{judgement}/{hand.annotator_id}",
                "on": _on(lot.project_id, hand.annotator_id, hand.accepted_at_us // DAY_US),
            }
            for hand in hands
        ]
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            await self.store.insert(HANDS.name, documents[start : start + INSERT_DOCUMENTS_MAX])

    async def of(self, project_id: str, annotator_id: str, days: Iterable[int]) -> list[Hand]:
        """Return what lots hold of an annotator that were accepted on these days since the epoch, the newest first.

        A lot whose acceptance did not come through, for a unit was erased meanwhile, can be among them.
        """
        found = await self.store.find(HANDS.name, "on", [_on(project_id, annotator_id, day) for day in days])
        hands = [Hand(**{name: document[name] for name in Hand.__struct_fields__}) for document in found]
        return sorted(hands, key=lambda hand: (-hand.accepted_at_us, hand.lot_id))

    async def radius(self, project_id: str, annotator_id: str, rejected_lot_id: str, at_us: int) -> Radius:
        """Return what accepted lots hold of somebody, asked for some days at a time, back to where it held.

        Args:
            project_id: of which project.
            annotator_id: whose labels.
            rejected_lot_id: for whose rejection they are at fault.
            at_us: when that was.
        """
        found = list[Hand]()
        today, reached = at_us // DAY_US, domain.radius((), rejected_lot_id, at_us)
        for start in range(0, LOOK_BACK_DAYS + 1, DAYS_AT_ONCE):
            days = range(today - start, today - start - DAYS_AT_ONCE, -1)
            # What was accepted after the rejection, as it is found after a restart, is in it as well.
            more = [today + 1 + day for day in range(DAYS_AT_ONCE)] if not start else []
            found += await self.of(project_id, annotator_id, [*more, *days])
            reached = domain.radius(found, rejected_lot_id, at_us)
            if reached.since_us >= days[-1] * DAY_US:
                break
        return reached


def _on(project_id: str, annotator_id: str, day: int) -> str:
    return f"{project_id}/{annotator_id}/{day}"
