"""Imports that come in parts: they go on where they broke off, and are followed."""

import asyncio
import json
from typing import Any

import pytest

from concord.chassis.identity import Role
from services.ingest.door import watching
from tests.support.ingest import Ingest
from tests.unit.services.ingest.sending import ndjson, sent_as


async def begun(ingest: Ingest, **wish: Any) -> Any:
    answer = await ingest.call("POST", "/v1/projects/k1-p/imports", {"name": "november", **wish})
    assert answer.status in (200, 201), answer.body
    return answer.json()


async def broken_off(ingest: Ingest, path: str, parts: list[bytes]) -> None:
    """Send parts of an import's file, and hang up."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.disconnect"})
    headers = [(b"authorization", f"Bearer {ingest.token}".encode()), (b"content-type", b"text/csv")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "PATCH", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"offset=0", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> Any:
        return messages.pop(0)

    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await ingest.service.application(scope, receive, send)
    assert statuses[0] == 400, "who hangs up is no fault of ours"


CSV = b"id,content\n" + b"".join(b'%d,"text\n%d"\n' % (n, n) for n in range(2_000))


@pytest.mark.parametrize(("form", "body"), [("csv", CSV), ("units", ndjson(2_000))])
async def test_an_import_goes_on_where_it_broke_off(project: Ingest, form: str, body: bytes) -> None:
    entry = await begun(project, format=form)
    assert (await begun(project, format=form)) == entry, "asked for again, it is the same"
    path = f"/v1/imports/{entry['import_id']}"

    await broken_off(project, path, [body[at : at + 5_000] for at in range(0, 30_000, 5_000)])
    stands = (await project.call("GET", path)).json()
    assert 0 < stands["offset"] <= 30_000
    assert not stands["complete"]
    wrong = await project.call("PATCH", path, body, query="offset=0", headers=sent_as("text/csv"))
    assert wrong.status == 409
    rest = body[stands["offset"] :]
    answer = await project.call("PATCH", path, rest, query=f"offset={stands['offset']}", headers=sent_as("text/csv"))
    done = answer.json()
    assert (answer.status, done["complete"], done["offset"], done["refused"]) == (200, True, len(body), [])
    assert done["admitted"] == 2_000
    assert (await project.call("GET", path)).json() == done
    watched = (await project.call("GET", f"{path}/events")).body.decode()
    assert watched.startswith("id: ")
    assert json.loads(watched.split("data: ")[1]) == done


async def test_whoever_follows_an_import_is_let_go_in_order_when_the_process_leaves(
    project: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    entry = await begun(project, format="csv")
    following = asyncio.create_task(project.call("GET", f"/v1/imports/{entry['import_id']}/events"))
    await asyncio.sleep(0.05)
    assert not following.done()
    await project.service.runtime.hand_over()
    answer = await following
    assert answer.status == 200
    assert json.loads(answer.body.decode().split("data: ")[1])["complete"] is False


async def test_an_imports_refusals_have_the_lines_of_the_whole_file(project: Ingest) -> None:
    entry = await begun(project, format="csv")
    path = f"/v1/imports/{entry['import_id']}"
    first = b"id,content\n1,a\nragged\n2,b\n3,"
    part = (
        await project.call("PATCH", path, first, query="offset=0&complete=false", headers=sent_as("text/csv"))
    ).json()
    assert (part["offset"], part["line"]) == (len(first) - 2, 4)
    rest = b"3,c\nragged too\n"
    done = (
        await project.call("PATCH", path, rest, query=f"offset={part['offset']}", headers=sent_as("text/csv"))
    ).json()
    assert [row["line"] for row in done["refused"]] == [3, 6]
    assert done["admitted"] == 3


async def test_imports_are_their_clients_own_and_their_formats_can_be_read_on(project: Ingest) -> None:
    entry = await begun(project)
    stranger = project.house.token("key2", Role.CLIENT, client_id="k2")
    assert (await project.call("GET", f"/v1/imports/{entry['import_id']}", token=stranger)).status == 404
    assert (await project.call("GET", "/v1/imports/k1-inone")).status == 404
    answer = await project.call("POST", "/v1/projects/k1-p/imports", {"name": "x", "format": "parquet"})
    assert answer.json()["errors"][0]["field"] == "format"


async def test_an_import_of_which_nothing_was_taken_is_begun_again_with_other_options(project: Ingest) -> None:
    wrong = await begun(project, format="csv", content="no such column")
    path = f"/v1/imports/{wrong['import_id']}"
    await project.call("PATCH", path, b"id,content\n1,a\n2,b\n", headers=sent_as("text/csv"))
    right = await begun(project, format="csv")
    assert right["import_id"] == wrong["import_id"]
    assert (right["offset"], right["refused"], right["complete"]) == (0, [], False), "from the file's start"
    assert (await begun(project, format="csv")) == right
    done = (await project.call("PATCH", path, b"id,content\n1,a\n2,b\n", headers=sent_as("text/csv"))).json()
    assert (done["admitted"], done["refused"], done["complete"]) == (2, [], True)
    other = {"name": "november", "format": "csv", "content": "no such column"}
    refused = await project.call("POST", "/v1/projects/k1-p/imports", other)
    assert refused.status == 409
    assert "2 of its units were taken" in refused.json()["detail"]
    assert "`--name`" in refused.json()["detail"], "the cure is told"
