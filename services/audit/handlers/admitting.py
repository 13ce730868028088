"""Units whose admission is heard, whether anything was told of them before or not."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from concord.chassis.journal.record import Cause, Decision, Outcome
from services.audit.domain import unit as unit_domain
from services.audit.domain.ledger import Ledger
from services.audit.domain.unit import UnitState
from services.audit.handlers.means import Means
from services.audit.repository import UNIT, unit_key


async def admit(means: Means, unit_ids: Iterable[str]) -> None:
    """Admit those of some units, of which something was told before, whose admission lies in a row by now.

    Raises:
        StoreUnavailable: no answer; say it again.
    """
    found = await means.repository.admissions(unit_ids)
    causes = [admission(row, cause_id, means.ledger) for cause_id, row in found]
    check(await means.journal.apply(UNIT, causes) if causes else ())


def admission(unit: UnitState, cause_id: str, ledger: Ledger) -> Cause[UnitState]:
    """Return the cause that admits a unit."""
    decide = partial(_admitted, unit, cause_id, ledger)
    return Cause(unit_key(unit.unit_id), cause_id, decide, creates=True)


def _admitted(
    unit: UnitState, cause_id: str, ledger: Ledger, state: UnitState | None, now_us: int
) -> Decision[UnitState] | None:
    after = unit_domain.admitted(state, unit)
    return None if after is None else Decision(ledger.admitted(state, after, now_us, cause_id))


def check(outcomes: Sequence[Outcome[Any]]) -> None:
    """Raise the first error, for the consumer to find out which record is to blame."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
