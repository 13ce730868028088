"""A client among the services' processes goes to the one that an answer has named, and nowhere that it was not told."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.client import Addresses, AsyncConcord, Away, Concord, Patience
from concord.client.asking import answered
from concord.client.steps import Answer, Send
from concord.contracts.owners import KNOWN_SECONDS, OWNER

SERVICE, NAMED = "http://assign.test", "http://10.42.0.7:8000"
CLAIMS = Send("assign", "POST", "/v1/projects/k7q2-rte/claims", body=b"{}", key="1")
DESK = Send("assign", "GET", "/v1/desk", {"project_id": "k7q2-rte"})
POD_NETWORK = ("10.42.0.0/16",)

Answers = Callable[[httpx.Request], httpx.Response]


class Asked:
    """Answers by host, and notes who was asked with which credential."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.credentials: set[str] = set()
        self.answers: dict[str, Answers] = {
            "assign.test": lambda _: httpx.Response(200, json={}, headers={OWNER: NAMED}),
            "10.42.0.7": lambda _: httpx.Response(200, json={}),
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.url.host)
        self.credentials.add(request.headers.get("authorization", ""))
        return self.answers[request.url.host](request)


class Seconds:
    """A clock that stands until it is set; who sleeps sets it forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(params=["blocking", "awaited"])
def client(request: pytest.FixtureRequest) -> Any:
    """Return a client of either kind, by whom it is answered and in which networks it believes an answer."""

    @contextmanager
    def made(asked: Asked, within: tuple[str, ...], seconds: Seconds) -> Iterator[Callable[[Send], Answer]]:
        patience, addresses = Patience(seconds=2.0, monotonic=seconds), Addresses(assign=SERVICE)
        given: dict[str, Any] = {"patience": patience, "owners_within": within, "transport": httpx.MockTransport(asked)}
        if request.param == "blocking":
            with Concord("key", addresses, sleep=seconds.sleep, **given) as concord:
                yield lambda wish: concord.run(answered(wish))
            return

        async def sleep(pause: float) -> None:
            seconds.sleep(pause)

        with asyncio.Runner() as runner:
            awaited = AsyncConcord("key", addresses, sleep=sleep, **given)
            yield lambda wish: runner.run(awaited.run(answered(wish)))
            runner.run(awaited.close())

    return made


def test_what_comes_after_an_answer_that_names_the_owner_goes_there(client: Any) -> None:
    asked, seconds = Asked(), Seconds()
    with client(asked, POD_NETWORK, seconds) as send:
        send(CLAIMS)
        send(CLAIMS)
        send(DESK)
        assert asked.hosts == ["assign.test", "10.42.0.7", "10.42.0.7"]
        assert asked.credentials == {"Bearer key"}
        seconds.now = KNOWN_SECONDS
        send(CLAIMS)
    assert asked.hosts[3:] == ["assign.test"], "an address is another process's by then, perhaps"


@pytest.mark.parametrize("within", [(), ("192.168.0.0/16",)])
def test_no_credential_goes_where_nobody_told_the_client_to_though_an_answer_names_it(
    client: Any, within: tuple[str, ...]
) -> None:
    asked = Asked()
    with client(asked, within, Seconds()) as send:
        send(CLAIMS)
        send(CLAIMS)
    assert asked.hosts == ["assign.test", "assign.test"]


def test_an_owner_that_is_gone_keeps_nobody_waiting(client: Any) -> None:
    asked, seconds = Asked(), Seconds()

    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    asked.answers["10.42.0.7"] = gone
    with client(asked, POD_NETWORK, seconds) as send:
        send(CLAIMS)
        assert send(CLAIMS).status == 200
    assert (asked.hosts, seconds.now) == (["assign.test", "10.42.0.7", "assign.test"], 0.0)


def test_what_an_owner_may_have_got_is_asked_of_the_service_only_by_patience(client: Any) -> None:
    asked, seconds = Asked(), Seconds()

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silent", request=request)

    asked.answers["10.42.0.7"] = silent
    with client(asked, POD_NETWORK, seconds) as send:
        send(CLAIMS)
        assert send(CLAIMS).status == 200
    assert asked.hosts == ["assign.test", "10.42.0.7", "assign.test"]
    assert seconds.now > 0.0


def test_an_owner_that_gives_the_place_up_is_asked_no_more(client: Any) -> None:
    asked, seconds = Asked(), Seconds()
    asked.answers["10.42.0.7"] = lambda _: httpx.Response(503, headers={"retry-after": "1"})
    with client(asked, POD_NETWORK, seconds) as send:
        send(CLAIMS)
        assert send(CLAIMS).status == 200
        asked.answers["assign.test"] = lambda _: httpx.Response(503)
        with pytest.raises(Away):
            send(DESK)
    assert asked.hosts[:3] == ["assign.test", "10.42.0.7", "assign.test"]


def test_a_file_goes_to_the_services_own_address(client: Any, tmp_path: Path) -> None:
    asked = Asked()
    (tmp_path / "units").write_bytes(b"units")
    with client(asked, POD_NETWORK, Seconds()) as send:
        send(CLAIMS)
        send(Send("assign", "POST", "/v1/projects/k7q2-rte/claims", body=tmp_path / "units", key="2"))
    assert asked.hosts == ["assign.test", "assign.test"]


def test_what_is_no_network_is_refused_as_the_client_is_made() -> None:
    with pytest.raises(ValueError, match=r"10\.42"):
        Concord("key", Addresses(), owners_within=["10.42.0.0/99"])
