"""Who is away is asked again, with patience; who refuses is not. Time is handed in."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.client import Addresses, Away, Concord, Damaged, Failed, NoAddress, NotYet, Patience, Refused
from concord.client.driving import RETRY_AFTER_SECONDS_MAX, retry_after
from concord.client.steps import Answer

ADDRESSES = Addresses(ingest="http://ingest.test", audit="http://audit.test/")
SEALED = {"lots": 3}


@dataclass
class Road:
    """What lies between a client and a service: answers as it is told to, and notes what was asked and how long waited.

    Attributes:
        answers: one a request; an exception is raised, and the last one stays.
    """

    answers: list[Any]
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        found: httpx.Response = answer
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def client(self, seconds: float = 60.0) -> Concord:
        patience = Patience(seconds=seconds, monotonic=lambda: self.now, generator=random.Random(1))
        return Concord("t", ADDRESSES, patience=patience, transport=httpx.MockTransport(self), sleep=self.sleep)


def away(status: int = 503, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={key.replace("_", "-"): value for key, value in headers.items()})


DONE = httpx.Response(200, json=SEALED)


def test_a_write_is_sent_again_under_the_same_key_until_it_is_answered() -> None:
    road = Road([httpx.ConnectError("refused"), away(), httpx.ReadTimeout("silent"), away(502), DONE])
    assert road.client().seal("k1-p").lots == 3
    keys = [request.headers["idempotency-key"] for request in road.asked]
    assert (len(keys), len(set(keys))) == (5, 1)
    assert {str(request.url) for request in road.asked} == {"http://ingest.test/v1/projects/k1-p/seal"}
    road.client().seal("k1-p")
    assert road.asked[-1].headers["idempotency-key"] != keys[0]


def test_pauses_grow_to_their_bound_and_are_never_the_same_for_all() -> None:
    road = Road([*[away()] * 12, DONE])
    road.client().seal("k1-p")
    wholes = [min(5.0, 0.1 * 2**number) for number in range(12)]
    assert all(whole / 2 <= slept <= whole for slept, whole in zip(road.slept, wholes, strict=True)), road.slept
    assert len(set(road.slept)) == 12


def test_retry_after_is_what_is_waited() -> None:
    road = Road([away(429, retry_after="7"), away(retry_after="0"), DONE])
    road.client().seal("k1-p")
    assert road.slept == [7.0, 0.0]


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ("3", 3, 3),
        ("99999", RETRY_AFTER_SECONDS_MAX, RETRY_AFTER_SECONDS_MAX),
        (formatdate(0, usegmt=True), 0, 0),
        (formatdate(4e9, usegmt=True), RETRY_AFTER_SECONDS_MAX, RETRY_AFTER_SECONDS_MAX),
        ("soon", None, None),
        ("-1", None, None),
        ("", None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_has_a_bound(said: str, low: float | None, high: float | None) -> None:
    found = retry_after(Answer(503, {"retry-after": said}, b""))
    assert (found is None) == (low is None)
    assert found is None or low <= found <= high  # type: ignore[operator]  # both are there or neither


def test_patience_ends_with_the_last_word_and_without_a_wait_that_would_be_in_vain() -> None:
    road = Road([away(503, retry_after="40")])
    with pytest.raises(Away, match=r"ingest POST .*seal was not served in 40 s; .*503") as gone:
        road.client().seal("k1-p")
    assert (gone.value.status, road.slept, len(road.asked)) == (503, [40.0], 2)


def test_a_manifest_that_is_being_made_is_waited_for_longer_than_a_service_that_is_away(tmp_path: Path) -> None:
    road = Road([*[away(retry_after="20")] * 9, httpx.ConnectError("refused")])
    with pytest.raises(Away, match="refused"):
        road.client().export("k1-p", tmp_path)
    assert road.slept[:9] == [20.0] * 9
    assert 180 < road.now <= 240


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500, 501])
def test_a_refusal_is_told_at_once(status: int) -> None:
    problem = {"detail": "No.", "errors": [{"field": "f", "problem": "p", "cure": "c"}], "instance": "urn:uuid:1"}
    road = Road([httpx.Response(status, json=problem)])
    with pytest.raises(Failed if status >= 500 else Exception, match="No; f: c") as refused:
        road.client().seal("k1-p")
    assert (len(road.asked), refused.value.status) == (1, status)  # type: ignore[attr-defined]  # a Problem


def test_a_refusal_in_another_tongue_is_told_by_its_status() -> None:
    with pytest.raises(Refused, match="The service answered 418 without a word"):
        Road([httpx.Response(418, content=b"<html>\xff")]).client().seal("k1-p")


def test_an_answer_of_another_service_is_said_to_be_none() -> None:
    with pytest.raises(Damaged, match="is no Sealed"):
        Road([httpx.Response(200, json={"status": "ok"})]).client().seal("k1-p")


def test_an_answer_without_end_is_not_taken_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concord.client.client.ANSWER_BYTES_MAX", 100)
    with pytest.raises(Damaged, match="over 100 bytes"):
        Road([httpx.Response(200, content=b"x" * 101)]).client().seal("k1-p")


def test_a_payloads_link_is_followed_as_it_is_and_is_told_no_credential() -> None:
    road = Road([httpx.Response(200, text="words", headers={"content-type": "text/plain; charset=utf-8"})])
    assert road.client().payload("http://elsewhere.test/v1/payloads/u?expires=1&signature=ab") == "words"
    assert str(road.asked[0].url) == "http://elsewhere.test/v1/payloads/u?expires=1&signature=ab"
    assert "authorization" not in road.asked[0].headers


def test_ids_are_quoted() -> None:
    road = Road([httpx.Response(404)])
    with pytest.raises(Exception, match="404"):
        road.client().lineage("../keys?x")
    assert road.asked[0].url.raw_path == b"/v1/units/..%2Fkeys%3Fx/lineage"


def test_a_service_whose_address_is_not_known_is_named_with_the_cure() -> None:
    with pytest.raises(NoAddress, match="CONCORD_METRICS_URL"):
        Road([DONE]).client().quality("k1-p")


def pages() -> Iterator[httpx.Response]:
    lot = {
        "project_id": "k1-p", "status": "accepted", "units": 2, "rework": 0, "rejections": 0, "plan": "",
        "sample_size": 0, "inspected": 0, "errors": 0, "corrected": 0, "label_error_rate": None, "accepted_at": None,
        "erased_since": 0, "problem": "", "plan_terms": None,
    }  # fmt: skip
    yield httpx.Response(200, json={"lots": [{"lot_id": "a", **lot}], "next": "a"})
    yield httpx.Response(200, json={"lots": [{"lot_id": "b", **lot}], "next": None})


def test_a_list_is_followed_to_its_end() -> None:
    road = Road(list(pages()))
    assert [lot.lot_id for lot in road.client().lots("k1-p")] == ["a", "b"]
    assert [request.url.params.get("after") for request in road.asked] == [None, "a"]


def test_waiting_for_lots_in_vain_says_where_each_stands_and_why() -> None:
    (lot,) = json.loads(next(pages()).content)["lots"]
    why = (
        "It was rejected (4 of 18 inspected were wrong), and waits for annotators: 37 of its 60 units have no new label"
    )
    rejected = {**lot, "status": "relabelling", "waits_for": "annotators", "waits": f"{why} yet."}
    road = Road([httpx.Response(200, json={"lots": [{**rejected, "lot_id": str(n)} for n in range(9)], "next": None})])
    with pytest.raises(NotYet) as not_yet:
        road.client().wait_for_lots("k1-p", units=60, seconds_max=0)
    text = str(not_yet.value)
    assert text.startswith(
        "0 of 60 units are in accepted lots after 0 s; lot 0 is relabelling: It was rejected (4 of 18"
    )
    assert "; and 4 lots more; `concord units stranded k1-p` says which" in text
    road = Road([httpx.Response(200, json={"lots": [], "next": None})])
    with pytest.raises(NotYet, match="no lot is open"):
        road.client().wait_for_lots("k1-p", seconds_max=0)


def test_annotators_are_followed_to_their_end_too() -> None:
    rows: list[dict[str, Any]] = [
        {"project_id": "k1-p", "annotators": [], "next": after} for after in ("ann-1", "ann-2", None)
    ]
    road = Road([httpx.Response(200, json=row) for row in rows])
    addresses = Addresses(metrics="http://metrics.test")
    client = Concord("t", addresses, transport=httpx.MockTransport(road), sleep=road.sleep)
    assert client.annotators("k1-p").next is None
    assert [request.url.params.get("after") for request in road.asked] == [None, "ann-1", "ann-2"]
