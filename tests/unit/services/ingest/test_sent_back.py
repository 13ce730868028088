"""A project as it was read may be changed and sent back: what it does not set must hold, and nothing is lost."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.ingest import Ingest

GUIDE = Path(__file__).parents[4] / "docs/guide/schemas.md"
WHOLE: dict[str, Any] = {
    "label_schema": {"kind": "choice", "classes": ["ham", "ad", "spam", "other"]},
    "name": "Mail",
    "guideline": "Look twice.",
    "guideline_examples": [{"class": "ham", "text": "Win!"}],
    "policy": {
        "lot": {"size": 3},
        "consensus": {"wrong_at_most": 0.02},
        "max_open_units": 100,
        "privacy": {"treatments": {"email": "mask", "name": "mask"}, "names": ["Ada Lovelace"]},
    },
    "targets": {"alpha": 0.8},
}


async def read(ingest: Ingest) -> dict[str, Any]:
    found: dict[str, Any] = (await ingest.call("GET", "/v1/projects/k1-p")).json()
    return found


async def put(ingest: Ingest, body: Any) -> Any:
    return await ingest.call("PUT", "/v1/projects/p", body)


def filtered(program: str, entry: Any) -> Any:
    sent = subprocess.run(["jq", program], input=json.dumps(entry), capture_output=True, text=True, check=True)
    return json.loads(sent.stdout)


async def test_what_was_read_of_a_project_can_be_sent_back_and_changes_nothing(ingest: Ingest) -> None:
    assert (await ingest.define(WHOLE))["changed"] == []
    body = await read(ingest)
    answer = await put(ingest, body)
    assert answer.status == 200, answer.body
    assert answer.json()["changed"] == []
    assert await read(ingest) == body


async def test_a_change_is_made_by_reading_and_sending_back_as_the_guide_shows_it(ingest: Ingest) -> None:
    await ingest.define(WHOLE)
    before = await read(ingest)
    shown = re.search(r"jq '(\.label_schema.*?)' \|", GUIDE.read_text(), re.DOTALL)
    assert shown is not None
    answer = await put(ingest, filtered(shown[1], before))
    assert answer.status == 200, answer.body
    assert sorted(answer.json()["changed"]) == ["label_schema", "schema_version"]
    after = await read(ingest)
    for kept in ("name", "guideline", "guideline_examples", "policy", "targets"):
        assert after[kept] == before[kept] != {}


async def test_a_wipe_is_seen_in_its_answer(ingest: Ingest) -> None:
    await ingest.define(WHOLE)
    changed = (await ingest.define({"label_schema": WHOLE["label_schema"]}))["changed"]
    listed = (await ingest.call("GET", "/v1/projects/k1-p/changes", query="after=1")).json()["changes"]
    assert changed == [entry["field"] for entry in listed]
    assert {"guideline", "name", "policy.privacy.treatments", "policy.lot.size", "policy.max_open_units"} <= set(
        changed
    )


async def test_a_dry_run_tells_what_would_change_and_writes_nothing(ingest: Ingest) -> None:
    await ingest.define(WHOLE)
    before = await read(ingest)
    wipe = {"label_schema": WHOLE["label_schema"]}

    async def tried(body: Any) -> Any:
        return await ingest.call("PUT", "/v1/projects/p", body, query="dry_run=true")

    body = (await tried(wipe)).json()
    assert await read(ingest) == before
    assert (await ingest.call("GET", "/v1/projects/k1-p/changes", query="after=1")).json()["changes"] == []
    assert (await put(ingest, wipe)).json() == body
    assert (await tried(wipe)).json()["changed"] == []
    refused = await tried({"label_schema": WHOLE["label_schema"], "policy": {"overlap": {"initial": 0}}})
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "policy.overlap.initial")


async def test_a_dry_run_of_a_project_that_is_not_there_leaves_none(ingest: Ingest) -> None:
    answer = await ingest.call("PUT", "/v1/projects/p", WHOLE, query="dry_run=true")
    assert (answer.status, answer.json()["name"]) == (201, "Mail")
    assert (await ingest.call("GET", "/v1/projects/k1-p")).status == 404


async def test_a_definition_made_from_another_revision_is_refused_with_the_current_one(ingest: Ingest) -> None:
    await ingest.define(WHOLE)
    body = await read(ingest)
    assert (await put(ingest, body | {"guideline": "Look thrice."})).json()["revision"] == 2
    answer = await put(ingest, body | {"name": "Post"})
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    (error,) = answer.json()["errors"]
    assert (error["field"], error["problem"]) == ("revision", "is 1, and the project's is 2")
    assert "get the project" in error["cure"]
    assert (await read(ingest))["name"] == "Mail"
    unheard = await put(ingest, body | {"guideline": "Look thrice."})
    assert (unheard.status, unheard.json()["revision"]) == (200, 2), "who did not hear the answer may say it again"


async def test_a_revision_of_a_project_that_there_is_not_is_refused(ingest: Ingest) -> None:
    answer = await put(ingest, WHOLE | {"revision": 3})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (409, "revision")
    assert (await ingest.call("GET", "/v1/projects")).json()["projects"] == []


async def test_all_that_cannot_be_set_and_is_otherwise_is_told_at_once(ingest: Ingest) -> None:
    await ingest.define(WHOLE)
    body = await read(ingest) | {"life": "paused", "schema_version": 7, "project_id": "k1-q", "guideline": "Other."}
    answer = await put(ingest, body)
    assert answer.status == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == ["life", "project_id", "schema_version"]
    assert all(error["cure"] for error in answer.json()["errors"])
    same = await put(ingest, await read(ingest) | {"life": "closed"})
    assert [error["field"] for error in same.json()["errors"]] == ["life"], "also where the definition says nothing new"
    assert (await read(ingest))["revision"] == 1
