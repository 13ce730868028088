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


class Repeating(NamedTuple):
    """What a lot that is inspected still owes a second auditor.

    Attributes:
        owed: inspections that another auditor is to repeat, without seeing the first.
        inspected: units of its sample that were inspected so far.
        decided: whether these suffice, so that it waits for repeats alone.
    """

    owed: int = 0
    inspected: int = 0
    decided: bool = False


class Held(NamedTuple):
    """For what a lot is held; see `lot.ReReviewed` for the numbers.

    Attributes:
        left: how many units are still to be inspected for that.
        lots: for whose rejection somebody is at fault.
    """

    units: int = 0
    inspected: int = 0
    errors: int = 0
    left: int = 0
    lots: tuple[str, ...] = ()


def waits(
    lot: LotState,
    unsettled: int | None,
    problem: str,
    paused: str | None,
    *,
    lacks_auditor: bool,
    at_least: bool = False,
    repeating: Repeating = Repeating(),  # noqa: B008 - it cannot change
    held: Held = Held(),  # noqa: B008 - nor this
) -> Waits:
    """Return why a lot waits, and for whom.

    Args:
        lot: where it stands.
        unsettled: how many of its units have no label of this rework; None while nobody has looked.
        problem: why it stands still, as a sentence; empty while it does not.
        paused: why its project is paused; None while it is not.
        lacks_auditor: whether whoever asked for work had a part in all that it needs.
        at_least: whether some of its units were not looked at yet, so that `unsettled` may be too few.
        repeating: what it owes a second auditor.
        held: for what it is held.

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
    if lot.status in WAITING:
        return _labels(lot, unsettled, "at least " if at_least else "")
    return _inspection(lot, lacks_auditor, repeating, held)


def _labels(lot: LotState, unsettled: int | None, at_least: str) -> Waits:
    """Return whom a lot waits for whose sample is not drawn yet."""
    if unsettled == 0:
        return Waits("", "All its units are settled: its sample is drawn now.")
    if lot.status == "sealed":
        return Waits(
            "people", f"It waits for annotators, or an adjudicator: {at_least}{_without(lot, unsettled)} no label yet."
        )
    found = f" ({lot.errors:,} of {lot.inspected:,} inspected were wrong)" if lot.inspected else ""
    why = f"It was rejected{found}, and waits for annotators: {at_least}{_without(lot, unsettled)} no new label yet."
    return Waits("annotators", why)


def _inspection(lot: LotState, lacks_auditor: bool, repeating: Repeating, held: Held) -> Waits:
    """Return whom a lot waits for that is inspected, or inspected once more."""
    if lot.status == "gathering":
        return Waits("acceptances", "It waits until enough units have left that nobody has inspected.")
    owed = "1 inspection is" if repeating.owed == 1 else f"{repeating.owed:,} inspections are"
    if repeating.owed and repeating.decided:
        why = f"It waits for another auditor: {repeating.inspected:,} of its units were inspected, and {owed}"
        return Waits("another_auditor", f"{why} still to be repeated by somebody who did not make them.")
    if lacks_auditor:
        return Waits("another_auditor", FOR_ANOTHER)
    if held.left and repeating.decided:
        return Waits("auditor", _held(held))
    why = _INSPECTED[lot.status].format(units=_units(len(lot.sample)))
    if repeating.inspected:
        why += f" {repeating.inspected:,} are so far."
    if repeating.owed:
        why += f" {owed} to be repeated by another auditor."
    if held.left:
        why += f" {_held(held)}"
    return Waits("auditor", why)


def _held(held: Held) -> str:
    """Return for what a lot is held, as a sentence."""
    lots = f"lot {held.lots[0]}" if len(held.lots) == 1 else f"{len(held.lots)} rejected lots"
    fault = f"It is held for {_units(held.units)} of annotators at fault for {lots}"
    if held.errors:
        return f"{fault}: {held.errors:,} were found wrong, so all are inspected, {held.left:,} of them still."
    return f"{fault}: {held.left:,} are still to be inspected before it may be accepted."


def _without(lot: LotState, unsettled: int | None) -> str:
    """Return how many of a lot's units have something not, as the start of that."""
    if not unsettled:
        return "some of its units have"
    return f"{unsettled:,} of its {_units(len(lot.members))} {'has' if unsettled == 1 else 'have'}"


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count:,} units"
