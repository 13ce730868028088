"""The certificates of a project: each over a numbered issue, which is a set of accepted lots."""

from collections.abc import Sequence

import msgspec

from services.audit.domain.lot import LotState

LOTS_MAX = 4_000
"""Lots of one issue: a certificate over more is read by nobody, and its record would not fit the store."""


class NothingToCertify(ValueError):
    """No lot of the project is accepted."""


class TooManyLots(ValueError):
    """More lots are accepted than one certificate covers."""


class IssueDoesNotExist(LookupError):
    """The project has no certificate of this number."""


class Issue(msgspec.Struct, frozen=True, array_like=True):
    """One certificate of a project.

    Attributes:
        number: from 1.
        lots: how many lots it covers: the first so many of the project's `lot_ids`.
        at_us: when it was issued.
        certificate: its SHA-256.
        erased: how many units of a lot, by the lot's id, were erased before: they are not in this certificate's file.
    """

    number: int
    lots: int
    at_us: int
    certificate: str
    erased: dict[str, int] = {}


class IssuesState(msgspec.Struct, frozen=True):
    """All certificates that a project was issued.

    Attributes:
        lot_ids: in the order in which they were certified; an issue covers a beginning of it.
    """

    project_id: str
    lot_ids: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()

    def numbered(self, number: int | None) -> Issue:
        """Return an issue by its number; the newest where none is given.

        Raises:
            IssueDoesNotExist: there is none.
        """
        if number is None and self.issues:
            return self.issues[-1]
        if number is None or not 1 <= number <= len(self.issues):
            raise IssueDoesNotExist(
                f"Project {self.project_id} has {len(self.issues)} certificates; there is no such one."
            )
        return self.issues[number - 1]


def next_lots(state: IssuesState, accepted: Sequence[LotState]) -> tuple[str, ...] | None:
    """Return the lots of the next issue, in order; None when the newest one covers all that are accepted.

    Args:
        state: the issues so far.
        accepted: lots that are accepted; those of earlier issues may be left out.

    Raises:
        NothingToCertify: no lot is accepted.
        TooManyLots: more than LOTS_MAX are.
    """
    known = set(state.lot_ids)
    more = sorted(
        (lot for lot in accepted if lot.lot_id not in known), key=lambda lot: (lot.accepted_at_us, lot.lot_id)
    )
    if not more:
        if not state.lot_ids:
            raise NothingToCertify(
                f"No lot of project {state.project_id} is accepted yet: there is nothing to certify."
            )
        return None
    lot_ids = (*state.lot_ids, *(lot.lot_id for lot in more))
    if len(lot_ids) > LOTS_MAX:
        raise TooManyLots(f"{len(lot_ids)} lots are accepted; a certificate covers {LOTS_MAX}. Each lot has its own.")
    return lot_ids


def issued(
    state: IssuesState | None, before: IssuesState, lot_ids: tuple[str, ...], issue: Issue
) -> IssuesState | None:
    """Return the project with one more certificate; None when another was issued meanwhile."""
    if (state or IssuesState(before.project_id)) != before:
        return None
    return IssuesState(before.project_id, lot_ids, (*before.issues, issue))
