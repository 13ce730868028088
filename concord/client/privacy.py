"""Who is behind what was replaced in a unit: for the role `privacy` alone, and every answer leaves an event."""

from collections.abc import Iterable

from msgspec import Struct

from concord.client.asking import path_of, sent
from concord.client.steps import Flow


class ComparedValue(Struct, frozen=True):
    """What comparing a value came to; the value is not said again.

    Attributes:
        matches: whether it is behind a pseudonym of the unit.
        pseudonym: which; empty where it is behind none.
        times: how often that stands in the unit.
        of: how many different pseudonyms of this kind do. 0: masks may stand there, which are all alike.
        in_clear: how often the value itself stands in the unit, for nothing replaced it.
    """

    kind: str
    matches: bool
    pseudonym: str
    times: int
    of: int
    in_clear: int


class OriginalValue(Struct, frozen=True):
    """What had been replaced, as it stood there."""

    kind: str
    value: str


class Reidentified(Struct, frozen=True):
    """What a question about a unit came to: values in your order, originals in that of the content.

    Attributes:
        replaces: kinds that the unit's project replaces now; of others `matches: false` says nothing: see `in_clear`.
    """

    unit_id: str
    compared: list[ComparedValue]
    originals: list[OriginalValue]
    replaces: list[str]


def compare_values(unit_id: str, reason: str, values: Iterable[tuple[str, str]]) -> Flow[Reidentified]:
    """Say which of these values are behind pseudonyms of a unit; it is told in the unit's lineage that you asked.

    Args:
        unit_id: ours.
        reason: is kept for ever; it names nobody.
        values: 20 at most, each with its kind: `("email", "ada@example.org")`.
    """
    candidates = [{"kind": kind, "value": value} for kind, value in values]
    return _asked(unit_id, {"reason": reason, "candidates": candidates})


def original_values(unit_id: str, reason: str) -> Flow[Reidentified]:
    """Return what had been replaced in a unit, where its project keeps it; it is told in the lineage that you asked.

    Args:
        unit_id: ours.
        reason: is kept for ever; it names nobody.
    """
    return _asked(unit_id, {"reason": reason, "originals": True})


def _asked(unit_id: str, body: dict[str, object]) -> Flow[Reidentified]:
    return sent(Reidentified, "ingest", "POST", path_of("/v1/units/{id}/reidentification", id=unit_id), body)
