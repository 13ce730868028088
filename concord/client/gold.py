"""Gold: known labels that good annotators disagree with, what may become one, and how much of it is left."""

from typing import Literal

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import Json
from concord.client.steps import Flow

PAGE = 100
RETRAINING = "/v1/projects/{id}/retraining"


class SaidOfGold(Struct, frozen=True):
    """A label of a gold unit, and how many good annotators say it."""

    label: Json
    annotators: int


class GoldInDoubt(Struct, frozen=True):
    """A gold unit that measures nobody and is shown to nobody until somebody has ruled on it."""

    unit_id: str
    payload_url: str
    known_label: Json
    said: list[SaidOfGold]
    good: int
    disagreeing: int
    share_low: float
    flagged_at: str
    standing: str
    appeals: list[str]
    closed_since: int = 0


class GoldDoubts(Struct, frozen=True):
    """A page of them."""

    gold: list[GoldInDoubt]
    next: str


class MissedUnit(Struct, frozen=True):
    """A unit that the calling annotator got wrong; `appeal` is empty, open, upheld or declined."""

    unit_id: str
    payload_url: str
    known_label: Json
    given_label: Json
    appeal: str
    reason: str


class RetrainingUnits(Struct, frozen=True):
    """What the calling annotator is to look at before trying again."""

    project_id: str
    attempt: int
    units: list[MissedUnit]
    last: bool = False


class Retrained(Struct, frozen=True):
    """That they may try again."""

    attempt: int
    finished: bool


class Appealed(Struct, frozen=True):
    """How an appeal stands."""

    unit_id: str
    appeal: str


class OwnAppeal(Struct, frozen=True):
    """What became of an appeal of the calling annotator's: `open`, `upheld` or `declined`."""

    unit_id: str
    payload_url: str
    known_label: Json
    appeal: str
    said: str
    reason: str
    appealed_at: str


class OwnAppeals(Struct, frozen=True):
    """Theirs in a project, newest first."""

    appeals: list[OwnAppeal]


class RuledGold(Struct, frozen=True):
    """What became of a ruling on gold; the label by which answers are judged, if any is."""

    unit_id: str
    status: str
    outcome: str
    label: Json


class GoldCandidate(Struct, frozen=True):
    """A resolved unit that may become gold; `known_alike` known labels of its class were answered by annotators."""

    unit_id: str
    payload_url: str
    label: Json
    method: str
    annotations: int
    confidence: float
    reason: str
    resolved_at: str
    known_alike: int


class GoldCandidates(Struct, frozen=True):
    """Candidates, the most useful first."""

    candidates: list[GoldCandidate]


class DecidedCandidate(Struct, frozen=True):
    """What became of a candidate."""

    unit_id: str
    status: str
    outcome: str


class GoldStock(Struct, frozen=True):
    """How much gold may still be shown; what is None is not known, or not bounded by the project."""

    project_id: str
    units: int
    usable: int
    spent: int
    stale: int
    showings_left: int | None
    shown_a_day: float | None
    days_left: float | None
    annotators_without: int = 0


def gold_candidates(project_id: str, count_max: int = 100) -> Flow[list[GoldCandidate]]:
    """Return resolved units in which the caller had no part and whose label may become a known one.

    Args:
        project_id: of which project.
        count_max: as many as are wanted, 1 to 100; those of classes with the fewest known labels come first.
    """
    path, query = path_of("/v1/projects/{id}/gold/candidates", id=project_id), query_of(limit=min(count_max, PAGE))
    return (yield from got(GoldCandidates, "adjudicate", path, query)).candidates


def decide_candidate(unit_id: str, outcome: Literal["confirmed", "declined"], reason: str) -> Flow[DecidedCandidate]:
    """Say whether a candidate becomes gold: then a gold unit is made of its content, for whoever had no part in it.

    Args:
        unit_id: which unit.
        outcome: confirmed, or declined: it is listed no more.
        reason: is kept with it.
    """
    path = path_of("/v1/gold/candidates/{id}", id=unit_id)
    return sent(DecidedCandidate, "adjudicate", "POST", path, {"outcome": outcome, "reason": reason})


def gold_stock(project_id: str) -> Flow[GoldStock]:
    """Return how much hidden gold of a project may still be shown, and for how long that lasts."""
    return got(GoldStock, "assign", path_of("/v1/projects/{id}/gold/stock", id=project_id))


def gold_in_doubt(project_id: str, count_max: int = 100) -> Flow[list[GoldInDoubt]]:
    """Return gold of a project whose known label good annotators disagree with, and which the caller did not answer.

    Args:
        project_id: of which project.
        count_max: as many as are wanted.
    """
    found: list[GoldInDoubt] = []
    cursor, path = "", path_of("/v1/projects/{id}/gold", id=project_id)
    while len(found) < count_max:
        query = query_of(limit=min(count_max - len(found), PAGE), cursor=cursor)
        page = yield from got(GoldDoubts, "adjudicate", path, query)
        found += page.gold
        if not (cursor := page.next):
            break
    return found


def rule_gold(
    unit_id: str, outcome: Literal["confirmed", "corrected", "retired"], reason: str, label: Json = None
) -> Flow[RuledGold]:
    """Rule on gold in doubt; every past answer to it is judged anew by the ruling.

    Args:
        unit_id: which unit.
        outcome: confirmed (the known label is right), corrected (`label` is), or retired (it measures nobody any more).
        reason: is kept with it.
        label: the right one, with corrected alone.
    """
    body = {"outcome": outcome, "reason": reason, "label": label}
    return sent(RuledGold, "adjudicate", "POST", path_of("/v1/gold/{id}/ruling", id=unit_id), body)


def retraining(project_id: str) -> Flow[RetrainingUnits]:
    """Return what the calling annotator, who failed to qualify, got wrong, with the right answers."""
    return got(RetrainingUnits, "adjudicate", path_of(RETRAINING, id=project_id))


def finish_retraining(project_id: str, attempt: int) -> Flow[Retrained]:
    """Say that the calling annotator has looked at all of it: they may try again."""
    return sent(Retrained, "adjudicate", "POST", path_of(RETRAINING, id=project_id), {"attempt": attempt})


def own_gold_appeals(project_id: str) -> Flow[OwnAppeals]:
    """Return what became of the calling annotator's appeals, whether they have tried again since or not."""
    return got(OwnAppeals, "adjudicate", path_of(RETRAINING + "/appeals", id=project_id))


def appeal_gold(project_id: str, unit_id: str, reason: str) -> Flow[Appealed]:
    """Say that the calling annotator was right on a unit that they are shown; an adjudicator rules on it."""
    body = {"unit_id": unit_id, "reason": reason}
    return sent(Appealed, "adjudicate", "POST", path_of(RETRAINING + "/appeals", id=project_id), body)
