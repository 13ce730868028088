"""The doors of all five services: who asks is known before a byte is read, and no bytes are a fault of ours."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import unquote

from starlette.types import Message

from concord.chassis.http import cursor_of, unguarded_routes
from tests.support.five import ANNOTATORS, DEFINITION, Five, with_five

STRANGERS = ["", "Bearer invented", "Bearer cnc_0123456789abcdef_" + "x" * 48, "Basic a:b", "Bearer "]
STREAMED = {
    "/v1/imports/{import_id}/events",
    "/v1/lots/{lot_id}/export",
    "/v1/lots/{lot_id}/ledger",
    "/v1/projects/{project_id}/export",
    "/v1/projects/{project_id}/quality/events",
    "/v1/projects/{project_id}/resolutions",
}
"""What is written while it is sent: how long it is shows at its end, and exports are entered where they go."""
CALLERS = ("client/key/k1", "annotator/ann-1", "adjudicator/adj", "auditor/aud", "operator/op")


def filled(path: str, five: Five) -> str:
    mine = five.things["k1"]
    for name, value in {
        "{project_id}": mine.project,
        "{slug}": "p",
        "{annotator_id}": "ann-2",
        "{assignment_id}": mine.assignment,
        "{unit_id}": mine.units["escalated"],
        "{lot_id}": mine.lots["accepted"],
        "{import_id}": mine.import_id,
        "{version}": "1",
    }.items():
        path = path.replace(name, value)
    return path


async def unread(five: Five) -> list[tuple[str, int]]:
    """Call every route as nobody, with a body whose reading would be noticed."""
    found = []

    async def receive() -> Message:
        raise AssertionError("a byte of the body was asked for")

    for service, method, template in five.routes():
        path = filled(template, five)
        for credential in STRANGERS:
            statuses: list[int] = []

            async def send(message: Message, statuses: list[int] = statuses) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
            if credential:
                headers.append((b"authorization", credential.encode()))
            scope = {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
                "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
                "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            }  # fmt: skip
            await five.app(service)(scope, receive, send)
            found.append((f"{service} {method} {template} {credential[:12]}", statuses[0]))
    return found


def test_without_a_credential_not_a_byte_of_a_body_is_read_on_any_route() -> None:
    found = with_five(unread)
    assert len(found) >= 34 * len(STRANGERS)
    assert [row for row in found if row[1] != 401] == []


def test_every_route_of_every_service_has_a_guard() -> None:
    async def open_routes(five: Five) -> list[str]:
        return [route for name in five.services for route in unguarded_routes(five.app(name))]

    assert with_five(open_routes) == []


ODD_BODIES: list[bytes] = [
    b"",
    b"\xff",
    b'{"label": "\xff"}',
    b'{"label": "\xed\xa0\x80", "reason": "\xed\xa0\x80"}',
    b'{"label": "\\ud83d", "reason": "\\ud83d"}',
    b'{"label": NaN}',
    b'{"label": 1e400, "reason": "x"}',
    b'{"label": 1' + b"0" * 400 + b', "reason": "x"}',
    b'{"label": 1' + b"0" * 5_000 + b', "reason": "x"}',
    b'{"label": ' + b"[" * 40 + b"]" * 40 + b"}",
    b"[" * 100_000,
    b'{"a":' * 2_000,
    b"null",
    b"[]",
    b"{}",
    b"[null]",
    b'[{"id": 7}]',
    b'{"submissions": [7], "rulings": [7], "verdicts": [7]}',
    *(
        b'{"%b": [{"unit_id": %b, "assignment_id": %b, "label": %b, "reason": "x"}]}' % (name, encoded, encoded, label)
        for name in (b"submissions", b"rulings", b"verdicts")
        for encoded in (
            b'"k1-u"',
            b'"\\u0000"',
            b'"' + b"x" * 300 + b'"',
            b"7",
            b'"\xff"',
            b'"\\ud83d"',
            b'"k1-ug675pg.x"',
        )
        for label in (b'"yes"', b'"\\ud83d"', b'"\xff"', b"1e400", b"null", b"1" + b"0" * 500, b"{}", b'{"a":{"$b":1}}')
    ),
    b'{"units": 1e3}',
    b'{"units": -1}',
    b'{"units": 99999999999999999999}',
    b'{"reason": ""}',
    b'{"credentials": [{"domain": "x", "expires_at": 1e400}]}',
    json.dumps(DEFINITION | {"name": "x\ud83d"}).encode(),
    json.dumps(DEFINITION | {"label_schema": {"kind": "choice", "classes": [1]}}).encode(),
    json.dumps(DEFINITION | {"label_schema": {"kind": {}, "classes": None}}).encode(),
    b'{"policy": {"privacy": {"treatments": {"email": "hide"}}}, "policy": 3, ' + json.dumps(DEFINITION).encode()[1:],
    b'\xef\xbb\xbf[{"id": "bom", "content": "bom"}]',
]
TYPES = ("application/json", "application/x-ndjson", "application/json; charset=latin-1", "text/plain", "")


async def odd(five: Five) -> list[tuple[Any, ...]]:
    """Send every odd body to every route that takes one, as everybody who may use it; return what is wrong."""
    wrong: list[tuple[Any, ...]] = []
    for service, method, template in five.routes():
        operation = five.app(service).openapi()["paths"][template][method.lower()]
        if "requestBody" not in operation:
            continue
        path = filled(template, five)
        for who in CALLERS:
            statuses: list[int] = []
            for body in ODD_BODIES:
                if statuses == [403] * 3 * len(TYPES):
                    break  # they are sent away before a byte is read, as the first of these would not be
                for kind in TYPES if body in ODD_BODIES[:3] else TYPES[:2]:
                    answer = await five.call(service, method, path, who, body, headers=[("content-type", kind)])
                    statuses.append(answer.status)
                    place = (service, method, template, body[:60], kind, who, answer.status, answer.body[:300])
                    if str(answer.status) not in operation["responses"] or answer.status >= 500:
                        wrong.append(place)
                    elif answer.status >= 400:
                        wrong += [place] if _unclear(answer.status, answer.json(), answer.headers) else []
    return wrong


def _unclear(status: int, entry: Any, headers: Any) -> bool:
    if headers["content-type"] != "application/problem+json" or entry["status"] != status or not entry["detail"]:
        return True
    errors = entry.get("errors", [])
    return (status in (400, 422) and not errors) or not all(
        error["field"] and error["problem"] and error["cure"] for error in errors
    )


def test_whatever_is_sent_is_refused_with_field_and_cure_by_a_status_that_the_document_tells() -> None:
    assert with_five(odd)[:5] == []


ODD_PARTS = ("%20x", "x" * 300, "..%2F..", "%00", "%FF", "%F0%BB%BA%BDp", "k1-", "k1-u", "-", "a:b|c", "{project_id}")
ODD_QUERIES = (
    "limit=0",
    "limit=22.0",
    "limit=x&after=%FF",
    "issue=0",
    "issue=" + "9" * 5_000,
    "project_id=",
    "expires=x",
    f"cursor={cursor_of(10**30)}",
    f"cursor={cursor_of('x', -(10**30))}",
    SLIP := "limt=5",
)


def _names_the_slip(status: int, answer: Any) -> bool:
    """Return whether a parameter that a route has not is refused by name, with those that it has."""
    errors = answer.json()["errors"] if status == 422 else []
    return any(error["field"] == "limt" and "this route has" in error["cure"] for error in errors)


async def odd_addresses(five: Five) -> list[tuple[Any, ...]]:
    """Ask every route for things that cannot be, and with parameters that cannot be; return what is wrong."""
    wrong: list[tuple[Any, ...]] = []
    for service, method, template in five.routes():
        operation = five.app(service).openapi()["paths"][template][method.lower()]
        paths = [re.sub(r"{\w+}", lambda _, part=part: part, template) for part in ODD_PARTS]  # type: ignore[misc]  # the default binds it
        good = filled(template, five)
        for path in [*map(unquote, paths), *(f"{good}?{query}" for query in ODD_QUERIES)]:
            for who in CALLERS:
                answer = await five.call(service, method, path, who, None if method == "GET" else b"{}")
                known = str(answer.status) in operation["responses"] or answer.status == 404
                if (
                    path.endswith(SLIP)
                    and answer.status not in (401, 403)
                    and not _names_the_slip(answer.status, answer)
                ):
                    wrong.append((service, method, path, who, answer.status, answer.body[:300]))
                if not known or answer.status >= 500 or (answer.status >= 400 and not answer.json()["detail"]):
                    wrong.append((service, method, path, who, answer.status, answer.body[:300]))
    return wrong


def test_whatever_is_asked_for_is_answered_by_a_status_that_the_document_tells() -> None:
    assert with_five(odd_addresses)[:5] == []


async def parts(five: Five) -> dict[str, list[Any]]:
    """Send each bulk route one good record among odd ones."""
    mine, path = five.things["k1"], f"/v1/projects/{five.things['k1'].project}/units"
    label = b'"label": "yes", "reason": "x"}'
    odd_ones = [b"7", b"{}", b'{"unit_id": "\xff", ' + label, b'{"unit_id": "k1-x", "more": "\\ud83d", ' + label]

    def among(name: bytes, good: bytes) -> bytes:
        return b'{"%b": [%b]}' % (name, b", ".join([*odd_ones, good, *odd_ones]))

    unit = mine.units["escalated"].encode()
    ruling = among(b"rulings", b'{"unit_id": "%b", ' % unit + label)
    verdict = among(b"verdicts", b'{"unit_id": "%b", ' % mine.units["inspected"].encode() + label)
    submission = b'{"submissions": [%b]}' % b", ".join(
        b'{"assignment_id": "%b", "label": %b}' % (encoded, label)
        for encoded, label in [
            (b"x", b"1e400"),
            (b"\xff", b'"yes"'),
            (mine.assignment.encode(), b'"\\ud83d"'),
            (mine.assignment.encode(), b'"yes", "flag": "%b"' % (b"x" * 501)),
            (mine.assignment.encode(), b'"yes", "active_ms": 1534.5'),
        ]
    )
    admitted = b"[%b]" % b", ".join([*odd_ones, b'{"id": "good", "content": "good"}', *odd_ones])
    return {
        "rulings": (await five.told("adjudicate", "POST", "/v1/rulings", "adjudicator/adj", ruling))["results"],
        "verdicts": (await five.told("audit", "POST", "/v1/inspections", "auditor/aud", verdict))["results"],
        "submissions": (await five.told("assign", "POST", "/v1/submissions", "annotator/ann-1", submission))["results"],
        "units": [await five.told("ingest", "POST", path, "client/key/k1", admitted)],
    }


def test_one_odd_record_refuses_only_itself_in_every_bulk_body() -> None:
    found = with_five(parts)
    assert [ruling["status"] for ruling in found["rulings"]] == ["refused"] * 4 + ["ruled"] + ["refused"] * 4
    assert [verdict["status"] for verdict in found["verdicts"]] == ["refused"] * 4 + ["taken"] + ["refused"] * 4
    assert [ruling["unit_id"] for ruling in found["rulings"]][:4] == ["", "", "", "k1-x"]
    assert [ruling.get("field") for ruling in found["rulings"]][:3] == [
        "rulings[0]",
        "rulings[1].unit_id",
        "rulings[2]",
    ]
    assert [submission.get("status") or submission["error"]["field"] for submission in found["submissions"]] == [
        "assignment_id",
        "submissions[1]",
        "label",
        "submissions[3].flag",
        "accepted",
    ]
    (report,) = found["units"]
    assert (report["admitted"], report["refused_count"]) == (1, 8)
    assert [entry["line"] for entry in report["refused"]] == [1, 2, 3, 4, 6, 7, 8, 9]
    assert all(error["field"] and error["problem"] and error["cure"] for error in report["refused"])


def _unnamed(path: str) -> str:
    """Return the path without the names of its parameters: `/projects/{slug}` is `/projects/{project_id}`, too."""
    return re.sub(r"{\w+}", "{}", path)


async def methods(five: Five) -> list[tuple[str, str, str]]:
    """Ask every address for a method that it does not have; return address, what it allows and what it has."""
    found = []
    for service in five.services:
        own = [(method, path) for name, method, path in five.routes() if name == service]
        for path in {path for _, path in own}:
            answer = await five.call(service, "PROPFIND", filled(path, five), "operator/op")
            assert answer.status == 405
            has = {method for method, other in own if _unnamed(other) == _unnamed(path)}
            head = {"HEAD"} if "GET" in has and path not in STREAMED else set()
            found.append((path, answer.headers["allow"], ", ".join(sorted(has | head))))
    return found


async def heads(five: Five) -> list[tuple[Any, ...]]:
    """Ask for the head of everything that can be got; return address, what both answers were, and the head's body."""
    found: list[tuple[Any, ...]] = []
    for service, method, path in five.routes():
        if method == "GET":
            for who in ("operator/op", "client/key/k1", "annotator/ann-1", ""):
                got = await five.call(service, "GET", filled(path, five), who) if path not in STREAMED else None
                head = await five.call(service, "HEAD", filled(path, five), who)
                found.append((path, who, got, head))
    return found


def test_the_head_of_everything_but_streams_is_what_a_get_is_answered_with_and_has_no_body() -> None:
    found = with_five(heads)
    assert {path for path, *_ in found} > STREAMED
    for path, who, got, head in found:
        if got is None:
            assert (head.status, "HEAD" in head.headers["allow"]) == (405, False), path
        else:
            assert (head.status, dict(head.headers), head.body) == (got.status, dict(got.headers), b""), (path, who)
            assert int(head.headers["content-length"]) == len(got.body)
    assert {200, 401, 403} <= {head.status for *_, head in found}


def test_a_method_that_an_address_does_not_have_is_told_all_that_it_has() -> None:
    assert [row for row in with_five(methods) if row[1] != row[2]] == []


async def ends(five: Five) -> dict[str, Any]:
    """Define a credential's end at both ends of the range of times; return what is then shown, or the field refused."""
    found: dict[str, Any] = {}
    for end in (
        "0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z",
        "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59+14:00", "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00", "10000-01-01T00:00:00Z", "2030-01-01", "2030-01-01T00:00:00", 0, 1e12, "0", True,
    ):  # fmt: skip
        body = {"credentials": [{"domain": "law", "expires_at": end}]}
        answer = await five.call("assign", "PUT", f"/v1/annotators/{ANNOTATORS[0]}", "operator/op", body)
        if answer.status == 200:
            shown = await five.told("assign", "GET", f"/v1/annotators/{ANNOTATORS[0]}", "operator/op")
            found[str(end)] = shown["credentials"][0]["expires_at"]
        else:
            assert answer.status == 422
            found[str(end)] = answer.json()["errors"][0]["field"]
    return found


def test_a_time_is_kept_to_the_microsecond_at_both_ends_of_its_range_and_nothing_else_is_a_time() -> None:
    refused = "credentials[0].expires_at"
    assert with_five(ends) == {
        "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z": "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z": "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000001Z": "1970-01-01T00:00:00.000001Z",
        "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59+14:00": "9999-12-31T09:59:59Z",
        **dict.fromkeys(
            ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "10000-01-01T00:00:00Z", "2030-01-01",
             "2030-01-01T00:00:00", "0", "1000000000000.0", "True"], refused,
        ),
    }  # fmt: skip


async def turns(five: Five) -> tuple[int, int]:
    """Import lines that are all refused; return how many, and how often something else had its turn meanwhile."""
    path = f"/v1/projects/{five.things['k1'].project}/units"
    count, ticks = 20_000, 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    answer = await five.call(
        "ingest", "POST", path, "client/key/k1", b"{}\n" * count, headers=[("content-type", "application/x-ndjson")]
    )
    ticking.cancel()
    assert answer.status == 202
    return answer.json()["refused_count"], ticks


def test_an_import_whose_every_line_is_refused_lets_others_have_their_turn() -> None:
    refused, ticks = with_five(turns)
    assert refused == 20_000
    assert ticks >= 20_000 // 500
