"""A body with only optional fields need not be sent."""

from tests.support.ingest import Ingest


async def test_a_project_is_paused_resumed_and_closed_without_a_body(ingest: Ingest) -> None:
    await ingest.define()
    for verb, life in (("pause", "paused"), ("resume", "open"), ("close", "closed")):
        answer = await ingest.call("POST", f"/v1/projects/k1-p/{verb}", b"")
        assert (answer.status, answer.json()["life"]) == (200, life)


async def test_a_definition_is_not_taken_from_nothing(ingest: Ingest) -> None:
    assert (await ingest.call("PUT", "/v1/projects/p", b"")).status == 400
