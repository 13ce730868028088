"""Dead letters: records that a service could not take, and sending one again; for operators bound to no client."""

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import Letter, LetterPage
from concord.client.steps import Flow

PATH = "/v1/dead-letters"


def dead_letters(service: str, topic: str = "", count_max: int = 100) -> Flow[list[Letter]]:
    """Return the newest dead letters of the topics that a service writes.

    Args:
        service: ingest, assign, adjudicate, audit or metrics.
        topic: of this one alone.
        count_max: as many as are wanted.
    """
    found: list[Letter] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < count_max:
        query = query_of(limit=min(count_max - len(found), 100), cursor=cursor, topic=topic)
        page = yield from got(LetterPage, service, PATH, query)
        found += page.letters
        cursor = page.next
    return found


def replay_dead_letter(service: str, letter_id: str) -> Flow[Letter]:
    """Send a record to its topic once more; whoever served it already knows it by its id, and nothing changes."""
    return sent(Letter, service, "POST", path_of(PATH + "/{id}/replay", id=letter_id))
