"""What people have of a label before they send it: saved, looked at anew, thrown away; and others' asked for."""

from typing import Any

from simulation.notebook import Drafted
from simulation.town import Person

DRAFTS = 0.4
SAVES_MAX = 3
STALE = 0.3
FORGETS = 0.2
PRIES = 0.3
GONE = (404, 409, 410)
"""The lease is over, or never was theirs; or another window, or their own lost request, has saved since."""


async def perhaps(person: Person, offer: dict[str, Any]) -> None:
    """Keep a draft of what is said of a unit now and then, in towns where people do, and ask for another's."""
    if person.town.drafts and person.chance(DRAFTS):
        await _drafts(person, offer["assignment_id"], offer["draft_revision"])
        await _pries(person)


async def _drafts(person: Person, assignment_id: str, built_on: int) -> None:
    """Save a draft as one goes on with a label, as the page does that was shown number `built_on`."""
    notebook, path = person.town.notebook, f"/v1/assignments/{assignment_id}/draft"
    draft: dict[str, Any] = {}
    for number in range(person.generator.randint(1, SAVES_MAX)):
        draft = {"by": person.name, "of": assignment_id, "number": number}
        answer = await person.insist("assign", "PUT", path, {"draft": draft, "revision": built_on}, tries_max=3)
        if answer is None or answer.status in GONE:
            return
        if answer.status != 200:
            notebook.wrongs.append(f"{person.name} saved a draft of {assignment_id} and was answered {answer.status}")
            return
        built_on = answer.json()["revision"]
        notebook.drafted.append(Drafted(assignment_id, person.name, built_on))
    await _look(person, path, draft, built_on)
    if person.chance(STALE):
        stale: dict[str, Any] = {"draft": {"by": person.name, "of": assignment_id}, "revision": built_on - 1}
        answer = await person.insist("assign", "PUT", path, stale, tries_max=3)
        if answer is not None and answer.status not in GONE:
            text = f"a draft of {assignment_id} that was built on {built_on - 1} was taken over {built_on}"
            notebook.wrongs.append(f"{text}: {answer.status}")
    if person.chance(FORGETS):
        await person.insist("assign", "DELETE", path, tries_max=3)


async def _look(person: Person, path: str, draft: dict[str, Any], saved: int) -> None:
    """Look at one's own draft, as another window would: it is what was saved last, or what another has saved since."""
    answer = await person.insist("assign", "GET", path, tries_max=3)
    if answer is None or answer.status in GONE:
        return
    shown: dict[str, Any] = answer.json() if answer.status == 200 else {"draft": {}, "revision": 0}
    mine = all(shown["draft"].get(name) == draft[name] for name in ("by", "of"))
    if not mine or shown["revision"] < saved or (shown["revision"] == saved and shown["draft"] != draft):
        text = f"{person.name} saved draft {saved}, {draft}, and is shown"
        person.town.notebook.wrongs.append(f"{text} {answer.status}, {answer.body!r}")


async def _pries(person: Person) -> None:
    """Ask for a draft of somebody else's."""
    others = [each for each in person.town.notebook.drafted if each.annotator_id != person.name]
    if not others or not person.chance(PRIES):
        return
    drafted = others[-1]
    path = f"/v1/assignments/{drafted.assignment_id}/draft"
    answer = await person.insist("assign", "GET", path, tries_max=1)
    if answer is not None and answer.status == 200:
        text = f"{person.name} was shown the draft of {drafted.assignment_id}, which is {drafted.annotator_id}'s"
        person.town.notebook.wrongs.append(text)
