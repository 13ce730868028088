"""An annotator's own quality in a project."""

from msgspec import Struct

from concord.client.asking import got, path_of
from concord.client.models import Estimate
from concord.client.steps import Flow


class OwnPeriod(Struct, frozen=True):
    """Hidden gold that was told together: what came after the period before, until a day by UTC, it included."""

    until: str
    gold_units: int
    gold_correct: int
    accuracy: Estimate


class OwnCell(Struct, frozen=True):
    """How often a known class was given as which, as JSON; in threes."""

    known: str
    given: str
    units: int


class OwnConfusion(Struct, frozen=True):
    """Of the whole label, or of a field of it: pairs of classes; `others`: answers that are in none of them."""

    field: str
    cells: list[OwnCell]
    others: int


class OwnPace(Struct, frozen=True):
    """A third of the hidden gold by active time, from a second to a second, and how much of it was right."""

    seconds_from: int
    seconds_to: int
    gold_units: int
    accuracy: Estimate


class OwnDay(Struct, frozen=True):
    """What the caller did on one day by UTC; `day` is null for all their days before the newest 92 of them."""

    day: str | None
    labels: int
    labels_untold: int
    active_ms: int


class OwnFatigue(Struct, frozen=True):
    """How rested the caller is, where the project asks for breaks.

    Attributes:
        slower: their latest units took longer than is usual for them.
        asked: the last break that was asked for, `break` or `rotation`; empty: none ever was.
        reason: why it was.
        until: when it ends, or ended, RFC 3339; empty: none was.
    """

    slower: bool
    asked: str
    reason: str
    until: str


class OwnQuality(Struct, frozen=True):
    """What the caller is told of their quality in a project; nothing that tells which units were hidden gold.

    Attributes:
        stated_until: the day by UTC, it included, until which hidden gold is told; null: nothing is told yet.
        step: so many answers on hidden gold come to be told together at least.
        accuracy: on all of it: the posterior's mean, with its interval.
        periods: the same over time, oldest first; of more than 25 the oldest are one.
        confusion: of labels, or fields of them, that have classes.
        paces: by how long they took, the quickest first; empty below thirty.
        right_in_a_row: of the newest that is told.
        resolved_same, resolved_other: labels on units that are resolved and not long certified, which say what the unit
            was resolved with, and which do not; in tens.
        labels: all that they gave.
        active_ms_median: active time of these; 0: not known.
        others_active_ms_median: of the others of the project together; null where they are fewer than five.
        days: on which they worked, oldest first.
        days_in_a_row: on how many one after another, up to today or the day before.
        fatigue: null where the project asks for no breaks, or nothing is known.
        computed_at: RFC 3339.
    """

    project_id: str
    annotator_id: str
    stated_until: str | None
    step: int
    gold_units: int
    gold_correct: int
    accuracy: Estimate
    periods: list[OwnPeriod]
    confusion: list[OwnConfusion]
    paces: list[OwnPace]
    right_in_a_row: int
    resolved_same: int
    resolved_other: int
    labels: int
    active_ms_median: int
    others_active_ms_median: int | None
    days: list[OwnDay]
    days_in_a_row: int
    fatigue: OwnFatigue | None
    computed_at: str


def own_quality(project_id: str) -> Flow[OwnQuality]:
    """Return how well and how fast the caller works in a project; hidden gold is told in steps of days."""
    return got(OwnQuality, "metrics", path_of("/v1/projects/{id}/quality/mine", id=project_id))
