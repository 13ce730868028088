"""The roster: who annotates, and whether they are at work; for operators bound to no client."""

from pathlib import Path

from concord.client.asking import got, path_of, query_of, sent
from concord.client.steps import Flow
from concord.client.work import Annotator, RosterPage, RosterReport

PATH = "/v1/annotators"
PAGE = 500
"""As many as a service sends at once."""


def roster(
    *,
    state: str = "",
    kind: str = "",
    skill: str = "",
    language: str = "",
    vendor: str = "",
    text: str = "",
    count_max: int | None = None,
) -> Flow[list[Annotator]]:
    """Return annotators by name: all, or those of whom everything holds that is said.

    Args:
        state: invited, qualifying, active, paused or retired.
        kind: human or model.
        skill: what they can do, or are certified in.
        language: what they speak.
        vendor: whose they are.
        text: a part of their name or their vendor's.
        count_max: as many as are wanted; all if None.
    """
    found: list[Annotator] = []
    cursor = ""
    while True:
        size = PAGE if count_max is None else min(PAGE, count_max - len(found))
        query = query_of(
            limit=size, cursor=cursor, state=state, kind=kind, skill=skill, language=language, vendor=vendor, text=text
        )
        page = yield from got(RosterPage, "assign", PATH, query)
        found += page.annotators
        cursor = page.next
        if not cursor or (count_max is not None and len(found) >= count_max):
            return found


def put_state(annotator_id: str, state: str, *, reason: str = "", until: str = "") -> Flow[Annotator]:
    """Have an annotator invited, qualifying, active, paused or retired; what they hold they may finish.

    Args:
        annotator_id: who.
        state: one of these.
        reason: why, as they are told it.
        until: the end of a pause, RFC 3339 with its offset; without it the pause has none.
    """
    body = {"state": state, "reason": reason} | ({"until": until} if until else {})
    return sent(Annotator, "assign", "PATCH", path_of(PATH + "/{id}", id=annotator_id), body)


def import_annotators(file: Path | str) -> Flow[RosterReport]:
    """Send a roster of CSV, which is taken row by row; the same file may be sent again.

    Columns are `annotator_id` and any of kind, skills, credentials, vendor, languages and state; a column that is not
    there leaves what it is about as it is.
    """
    return sent(RosterReport, "assign", "POST", PATH, Path(file), media_type="text/csv")
