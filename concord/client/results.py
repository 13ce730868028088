"""What comes out: quality, resolutions, lots, certificates, ledgers; and waiting for it."""

from pathlib import Path

from concord.client.asking import answered, got, path_of, query_of, sent
from concord.client.errors import NotYet
from concord.client.ledger import Lineage
from concord.client.models import AnnotatorsQuality, Key, Lot, LotPage, Quality, Spending
from concord.client.rechecks import Recheck, Rechecks
from concord.client.steps import Flow, Send, Sleep

PAGE = 500
LOOK_SECONDS_FIRST, LOOK_SECONDS_MAX = 0.5, 10.0
WAIT_SECONDS = 86_400.0
REASONS_MAX = 5
"""Lots of which it is said why they are not accepted, when the time is up."""


def quality(project_id: str) -> Flow[Quality]:
    """Return a project's quality as it is now."""
    return got(Quality, "metrics", path_of("/v1/projects/{id}/quality", id=project_id))


def report(project_id: str) -> Flow[bytes]:
    """Return a project's quality as a page: one HTML file with its plots, which fetches and runs nothing."""
    path = path_of("/v1/projects/{id}/report.html", id=project_id)
    return (yield from answered(Send("metrics", "GET", path))).body


def annotators(project_id: str) -> Flow[AnnotatorsQuality]:
    """Return how well and how fast each annotator of a project works: all of them, by id."""
    path, found = path_of("/v1/projects/{id}/annotators", id=project_id), AnnotatorsQuality(project_id, [])
    after = ""
    while True:
        page = yield from got(AnnotatorsQuality, "metrics", path, query_of(limit=PAGE, after=after))
        found.annotators.extend(page.annotators)
        if page.next is None:
            return found
        after = page.next


def spending(project_id: str) -> Flow[Spending]:
    """Return how many units are resolved, and what labels were spent on them."""
    return got(Spending, "adjudicate", path_of("/v1/projects/{id}/spending", id=project_id))


def resolutions(project_id: str, file: Path | str) -> Flow[Path]:
    """Write where every unit of a project stands into a file, a line of JSON each; see `read_resolutions`."""
    into = Path(file)
    yield from answered(Send("adjudicate", "GET", path_of("/v1/projects/{id}/resolutions", id=project_id), into=into))
    return into


def lots(project_id: str, *, status: str = "") -> Flow[list[Lot]]:
    """Return all lots of a project, by id; with `status` those that stand so, as `accepted`."""
    found: list[Lot] = []
    path, after = path_of("/v1/projects/{id}/lots", id=project_id), ""
    while True:
        page = yield from got(LotPage, "audit", path, query_of(limit=PAGE, after=after, status=status))
        found += page.lots
        if page.next is None:
            return found
        after = page.next


def lot(lot_id: str) -> Flow[Lot]:
    """Return where a lot stands."""
    return got(Lot, "audit", path_of("/v1/lots/{id}", id=lot_id))


def rechecks(project_id: str) -> Flow[list[Recheck]]:
    """Return what of a project was inspected once more after it had left; newest first."""
    return (yield from got(Rechecks, "audit", path_of("/v1/projects/{id}/rechecks", id=project_id))).rechecks


def raise_recheck(project_id: str, lot_id: str) -> Flow[Recheck]:
    """Have what accepted lots hold of who is at fault for a rejected lot inspected once more; return that.

    While one is under way for that rejection, it is that one.
    """
    return sent(Recheck, "audit", "POST", path_of("/v1/projects/{id}/rechecks", id=project_id), {"lot_id": lot_id})


def wait_for_resolutions(project_id: str, units: int, *, seconds_max: float = WAIT_SECONDS) -> Flow[Spending]:
    """Return once so many units of a project are resolved; one that was sent back and resolved again counts twice.

    Raises:
        NotYet: they are not, after so many seconds.
    """
    pause, waited = LOOK_SECONDS_FIRST, 0.0
    while (found := (yield from spending(project_id))).units < units:
        if waited >= seconds_max:
            raise NotYet(f"{found.units} of {units} units are resolved after {seconds_max:g} s")
        yield Sleep(pause)
        waited += pause
        pause = min(pause * 2, LOOK_SECONDS_MAX)
    return found


def wait_for_lots(project_id: str, *, units: int = 1, seconds_max: float = WAIT_SECONDS) -> Flow[list[Lot]]:
    """Return a project's lots once all of them are accepted and hold so many units at least.

    Raises:
        NotYet: they are not, after so many seconds; where the service knows why one stands still, it says so.
    """
    pause, waited = LOOK_SECONDS_FIRST, 0.0
    while True:
        found = yield from lots(project_id)
        accepted = sum(lot.units for lot in found if lot.status == "accepted")
        if accepted >= units and all(lot.status == "accepted" for lot in found):
            return found
        if waited >= seconds_max:
            text = f"{accepted} of {units} units are in accepted lots after {seconds_max:g} s"
            raise NotYet(f"{text}{_reasons(found)}")
        yield Sleep(pause)
        waited += pause
        pause = min(pause * 2, LOOK_SECONDS_MAX)


def _reasons(found: list[Lot]) -> str:
    """Return why lots are not accepted, those of the first few."""
    open_lots = [lot for lot in found if lot.status != "accepted"]
    if not open_lots:
        return "; no lot is open: what is in none waits for more units, or to be sealed"
    reasons = [
        f"lot {lot.lot_id} is {lot.status}: {lot.waits or lot.problem or 'nothing is told of why'}".rstrip(".")
        for lot in open_lots[:REASONS_MAX]
    ]
    more = len(open_lots) - len(reasons)
    if more:
        reasons.append(f"and {more} lots more")
    if any(lot.waits_for in ("people", "annotators") for lot in open_lots):
        reasons.append(f"`concord units stranded {open_lots[0].project_id}` says which units nobody is left to label")
    return "".join(f"; {reason}" for reason in reasons)


def certificate(project_id: str, issue: int | None = None) -> Flow[bytes]:
    """Return a project's signed certificate, to the byte; without a number, over all lots that are accepted by now."""
    path = path_of("/v1/projects/{id}/certificate", id=project_id)
    return (yield from answered(Send("audit", "GET", path, query_of(issue=issue)))).body


def lot_certificate(lot_id: str) -> Flow[bytes]:
    """Return an accepted lot's signed certificate, to the byte."""
    return (yield from answered(Send("audit", "GET", path_of("/v1/lots/{id}/certificate", id=lot_id)))).body


def lot_ledger(lot_id: str, file: Path | str) -> Flow[Path]:
    """Write an accepted lot's ledger into a file: `concord replay` makes its certificate again from it."""
    into = Path(file)
    yield from answered(Send("audit", "GET", path_of("/v1/lots/{id}/ledger", id=lot_id), into=into))
    return into


def withdrawals(project_id: str, issue: int) -> Flow[bytes]:
    """Return the signed list of what was erased since one of a project's certificates."""
    path = path_of("/v1/projects/{id}/withdrawals", id=project_id)
    return (yield from answered(Send("audit", "GET", path, query_of(issue=issue)))).body


def lot_corrections(lot_id: str) -> Flow[bytes]:
    """Return the signed list of what rechecks found wrong of an accepted lot since its certificate."""
    return (yield from answered(Send("audit", "GET", path_of("/v1/lots/{id}/corrections", id=lot_id)))).body


def keys() -> Flow[Key]:
    """Return the public keys that certificates are verified with; trust them only by a way that you trust."""
    return got(Key, "audit", "/v1/keys")


def lineage(unit_id: str) -> Flow[Lineage]:
    """Return who did what with a unit, when and under which guideline."""
    return got(Lineage, "audit", path_of("/v1/units/{id}/lineage", id=unit_id))
