"""How far people agree in the parts of a project, and the units on which two of them do not."""

from msgspec import Struct

from concord.client.asking import got, path_of, query_of
from concord.client.models import Estimate, Json
from concord.client.steps import Flow

PAGE = 500
"""As many as a service sends at once."""


class Part(Struct, frozen=True):
    """Agreement in one part.

    Attributes:
        by: "class" (against all others), "time", "slice", "guideline", or "kind", "vendor", "language" of
            annotators.
        part: which; of a class its canonical JSON, of the guideline its version, empty of a window of time.
        alpha: Krippendorff's.
        agreement: share of pairs of labels that are equal.
        start, end: of a window of time.
    """

    by: str
    part: str
    alpha: Estimate
    agreement: Estimate
    start: str | None
    end: str | None


class PartsOfField(Struct, frozen=True):
    """Agreement in the parts, of the labels or of one field of them; `reason` says why there is none."""

    field: str
    parts: list[Part]
    reason: str


class Parts(Struct, frozen=True):
    """Agreement in the parts of a project, by field."""

    fields: list[PartsOfField]


class UnitApart(Struct, frozen=True):
    """A unit on which two annotators disagree, and what each said."""

    unit_id: str
    first: Json
    second: Json
    at: str
    settlement: str


class UnitsApart(Struct, frozen=True):
    """Units on which two annotators disagree.

    Attributes:
        both, disagreed: units that both labelled, and on which they said something else.
        units: of these those whose lot is not settled for good.
    """

    both: int
    disagreed: int
    units: list[UnitApart]
    next: str


def agreement(project_id: str) -> Flow[list[PartsOfField]]:
    """Return how far people agree by class, time, slice, version of the guideline and group of annotators, by field."""
    found = yield from got(Parts, "metrics", path_of("/v1/projects/{id}/quality/agreement", id=project_id))
    return found.fields


def units_apart(project_id: str, first: str, second: str, field: str = "") -> Flow[UnitsApart]:
    """Return the units on which two annotators disagree, in the labels or in one field of them."""
    path = path_of("/v1/projects/{id}/quality/pairs/units", id=project_id)
    units: list[UnitApart] = []
    cursor = ""
    while True:
        query = query_of(first=first, second=second, field=field, limit=PAGE, cursor=cursor)
        page = yield from got(UnitsApart, "metrics", path, query)
        units += page.units
        cursor = page.next
        if not cursor:
            return UnitsApart(page.both, page.disagreed, units, "")
