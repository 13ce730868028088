"""Why a lot waits, and for whom: a sentence for people, a code for programs."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from services.audit.domain.lot import WAITING, LotState

For = Literal["", "people", "annotators", "auditor", "another_auditor", "operator", "client", "acceptances"]
"""Whom it waits for. `people`: annotators, or an adjudicator where they do not agree; `acceptances`: of other lots."""
FOR_ANOTHER = "It waits for another auditor: whoever asked for work had a part in all that it needs."

_INSPECTED: Mapping[str, str] = {
    "auditing": "It waits for an auditor: {units} of it at most are to be inspected.",
    "inspecting_all": "It was rejected, and waits for an auditor: all its {units} are to be inspected.",
    "rechecking": "It waits for an auditor: {units} are to be inspected once more.",
}


class Waits(NamedTuple):
    """Whom a lot waits for and why; both empty for one that waits for nobody."""

    waits_for: For
    why: str


def waits(lot: LotState, unsettled: int | None, problem: str, paused: str | None, *, lacks_auditor: bool) -> Waits:
    """Return why a lot waits, and for whom.

    Args:
        lot: where it stands.
        unsettled: how many of its units have no label of this rework; None while nobody has looked.
        problem: why it stands still, as a sentence; empty while it does not.
        paused: why its project is paused; None while it is not.
        lacks_auditor: whether whoever asked for work had a part in all that it needs.

    >>> waits(LotState("l", "p", ("a", "b")), 1, "", None, lacks_auditor=False)
    Waits(waits_for='people', why='It waits for annotators, or an adjudicator: 1 of its 2 units has no label yet.')
    """
    if lot.status in ("accepted", "rechecked"):
        return Waits("", "")
    if problem:
        return Waits("operator", problem)
    if paused is not None:
        return Waits(
            "client", f"Its project is paused, and nobody is given anything of it: {paused or 'no reason is told'}"
        )
    return _labels(lot, unsettled) if lot.status in WAITING else _inspection(lot, lacks_auditor)


def _labels(lot: LotState, unsettled: int | None) -> Waits:
    """Return whom a lot waits for whose sample is not drawn yet."""
    if unsettled == 0:
        return Waits("", "All its units are settled: its sample is drawn now.")
    if lot.status == "sealed":
        return Waits("people", f"It waits for annotators, or an adjudicator: {_without(lot, unsettled)} no label yet.")
    why = f"It was rejected, and waits for annotators: {_without(lot, unsettled)} no new label yet."
    return Waits("annotators", why)


def _inspection(lot: LotState, lacks_auditor: bool) -> Waits:
    """Return whom a lot waits for that is inspected, or inspected once more."""
    if lot.status == "gathering":
        return Waits("acceptances", "It waits until enough units have left that nobody has inspected.")
    if lacks_auditor:
        return Waits("another_auditor", FOR_ANOTHER)
    units = _units(len(lot.sample))
    return Waits("auditor", _INSPECTED[lot.status].format(units=units))


def _without(lot: LotState, unsettled: int | None) -> str:
    """Return how many of a lot's units have something not, as the start of that."""
    if not unsettled:
        return "some of its units have"
    return f"{unsettled:,} of its {_units(len(lot.members))} {'has' if unsettled == 1 else 'have'}"


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count:,} units"
