"""What a client has erased."""

from simulation.town import Person


async def erase(person: Person, project_id: str, source_id: str, unit_id: str) -> None:
    """Have a unit erased: from now on it may be, and once it is answered it is."""
    notebook = person.town.notebook
    notebook.erased.add(unit_id)
    notebook.erased_names.add((project_id, source_id))
    body = {"ids": [source_id], "reason": "The client wishes it."}
    answer = None
    while answer is None:
        answer = await person.insist("ingest", "POST", f"/v1/projects/{project_id}/erasures", body)
    if answer.status != 200 or answer.json()["erased"] != 1:
        notebook.wrongs.append(f"{source_id} of {project_id} is not erased: {answer.status} {answer.body!r}")
