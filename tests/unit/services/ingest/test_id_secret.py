"""The secret of ids changes as docs/security.md says, and what that costs is what it says."""

from simulation.house import ENVIRONMENT, House
from tests.support.ingest import DEFINITION, Ingest, start, told

UNITS = [{"id": name, "content": f"text {name}"} for name in "ab"]
CHANGED = {**ENVIRONMENT, "CONCORD_ID_SECRET": "another-secret-of-ids-that-is-long-enough"}
WHY = {"reason": "The secret of ids changes."}


async def begun_anew(before: Ingest, *, changed: bool) -> Ingest:
    """Stop a life of ingest in order and begin the next, with the other secret or the first."""
    await before.service.runtime.stop()
    return await start(before.house, environment=CHANGED if changed else ENVIRONMENT)


async def erased(ingest: Ingest) -> int:
    """Erase the first unit by the client's own id, and return how many were."""
    answer = await ingest.call("POST", "/v1/projects/k1-p/erasures", {"ids": ["a"], **WHY})
    assert answer.status == 200, answer.body
    count: int = answer.json()["erased"]
    return count


async def test_once_all_projects_are_closed_it_changes_and_projects_to_come_are_as_any() -> None:
    ingest = await start(House())
    await ingest.define()
    assert (await ingest.admit(UNITS))["admitted"] == 2
    assert (await ingest.call("POST", "/v1/projects/k1-p/close", WHY)).status == 200
    ingest = await begun_anew(ingest, changed=True)
    refused = await ingest.call("POST", "/v1/projects/k1-p/units", UNITS)
    assert refused.status == 409, "nothing of before is taken a second time"
    assert (await ingest.call("PUT", "/v1/projects/q", DEFINITION)).status == 201
    assert (await ingest.admit(UNITS, "k1-q"))["admitted"] == 2
    assert (await ingest.admit(UNITS, "k1-q"))["admitted"] == 0, "what is sent again is known"
    assert len(told(ingest.house, "unit_admitted")) == 4
    # What was there before is under its own ids, which the client's own names lead to by the secret of then alone.
    assert await erased(ingest) == 0
    ingest = await begun_anew(ingest, changed=False)
    assert await erased(ingest) == 1
    await ingest.service.runtime.stop()


async def test_under_a_project_that_runs_it_takes_the_same_unit_twice() -> None:
    ingest = await start(House())
    await ingest.define()
    await ingest.admit(UNITS)
    ingest = await begun_anew(ingest, changed=True)
    assert (await ingest.admit(UNITS))["admitted"] == 2, "this is why the projects are closed first"
    await ingest.service.runtime.stop()
