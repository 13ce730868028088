"""What goes between two processes of a service: whole and to the byte, or not at all, whoever hangs up or dies when."""

import asyncio
import json

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from concord.chassis.broker.port import Deal
from concord.chassis.http import limits
from concord.chassis.identity import Role
from concord.chassis.places import peers
from concord.chassis.places.connection import PeerConnection
from concord.chassis.places.peers import HttpPeers, MemoryPeers, Unreached, is_forwarded, passed_on
from concord.contracts.ids import placed_id
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until
from tests.unit.concord.chassis.places.doors import (
    MINE,
    PLACES,
    THEIRS,
    Door,
    deal,
    listening,
    refused_for_a_second,
    unit_of,
)


async def test_an_owner_that_dies_in_the_middle_breaks_the_answer_off() -> None:
    """Half an answer must not look whole."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    house = House()
    headers = {"authorization": f"Bearer {house.token('olga', Role.OPERATOR)}"}
    async with listening(lambda at: Door(house, at, HttpPeers())) as door:
        for kind, broken in ((half, True), (nothing, False)):
            server = await asyncio.start_server(kind, "127.0.0.1", 0)
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            door.owner.dealt(Deal(frozenset(), frozenset(), {address: frozenset(range(PLACES))}))
            async with server, httpx.AsyncClient(base_url=door.address, headers=headers) as client:
                if broken:
                    with pytest.raises(httpx.RemoteProtocolError):
                        await client.get(f"/v1/projects/{THEIRS}/lots")
                else:
                    assert refused_for_a_second(await client.get(f"/v1/projects/{THEIRS}/lots"))
        await door.peers.close()


@pytest.mark.parametrize("length", [100, 100_000])
async def test_a_body_that_stops_coming_is_refused_as_too_slow(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Whether it is kept whole or handed on as it comes."""
    monkeypatch.setattr(limits, "BODY_SILENCE_SECONDS_MAX", 0.05)
    house = House()
    async with (
        listening(lambda at: Door(house, at, HttpPeers())) as entry,
        listening(lambda at: Door(house, at, HttpPeers())) as two,
    ):
        deal(entry, two)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(entry.address.rpartition(":")[2]))
        token = house.token("olga", Role.OPERATOR)
        head = [f"POST /v1/units/{unit_of(THEIRS)}/note HTTP/1.1", "host: x", f"authorization: Bearer {token}"]
        writer.write("\r\n".join([*head, f"content-length: {length}", "", "x"]).encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        assert two.bodies == []
        for door in (entry, two):
            await door.peers.close()


@pytest.mark.parametrize("says", ["content-length: 10", "content-length: 100000", "transfer-encoding: chunked"])
async def test_what_only_asks_waits_for_no_body(says: str) -> None:
    house = House()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        listening(lambda at: Door(house, at, HttpPeers())) as entry,
        listening(lambda at: Door(house, at, HttpPeers())) as two,
    ):
        deal(entry, two)
        token = house.token("olga", Role.OPERATOR)
        for project in (MINE, THEIRS):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(entry.address.rpartition(":")[2]))
            head = [f"GET /v1/projects/{project}/lots HTTP/1.1", "host: x", f"authorization: Bearer {token}", says]
            writer.write("\r\n".join([*head, "", ""]).encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        for door in (entry, two):
            await door.peers.close()


async def test_who_is_refused_in_their_body_and_hangs_up_leaves_nothing_to_whoever_comes_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rest of the body would be read out of the next request between the two, whosever that is."""
    house, others = House(), HttpPeers()
    came, end = asyncio.Event(), PeerConnection._end

    def noted(connection: PeerConnection) -> None:
        end(connection)
        came.set()

    monkeypatch.setattr(PeerConnection, "_end", noted)
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        listening(lambda at: Door(house, at, others)) as entry,
        listening(lambda at: Door(house, at, HttpPeers())) as two,
    ):
        deal(entry, two)
        port = int(entry.address.rpartition(":")[2])

        async def opened(role: Role, rest: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"POST /v1/units/{unit_of(THEIRS)}/note HTTP/1.1\r\nhost: x\r\nauthorization: Bearer "
            writer.write(f"{head}{house.token('olga', role)}\r\n{rest}".encode())
            return reader, writer

        _, stranger = await opened(Role.ANNOTATOR, "transfer-encoding: chunked\r\n\r\n5\r\nab")
        await came.wait()
        stranger.close()
        (peer,) = others._peers.values()
        await until(lambda: peer._places._value == peers.CONNECTIONS_PER_PEER_MAX)
        reader, writer = await opened(Role.OPERATOR, "content-length: 2\r\nconnection: close\r\n\r\n{}")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["at"] == two.address
        writer.close()
        for door in (entry, two):
            await door.peers.close()


async def test_a_fetch_that_brings_more_than_may_be_kept_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "FETCHED_BYTES_MAX", 1_000)
    house = House()
    token = house.token("olga", Role.OPERATOR).encode()
    async with listening(lambda at: Door(house, at, HttpPeers())) as door:
        deal(door)
        asked = (door.address, "GET", f"/v1/lots/{placed_id('l', MINE, 'a')}/export".encode())
        with pytest.raises(peers.Unreached, match="more than 1000 bytes"):
            await door.peers.fetch(*asked, [(b"authorization", b"Bearer " + token)], b"")
        await door.peers.close()


def test_headers_of_one_hop_stay_and_the_mark_cannot_be_doubled() -> None:
    rows = [
        (b"host", b"a"),
        (b"connection", b"close"),
        (b"te", b"x"),
        (b"x", b"1"),
        (b"x", b"2"),
        (peers.FORWARDED, b"0"),
    ]
    assert passed_on(rows) == [(b"x", b"1"), (b"x", b"2"), (peers.FORWARDED, b"1")]
    assert is_forwarded(passed_on([]))
    assert not is_forwarded([(b"x", b"1")])


@pytest.mark.parametrize("real", [False, True], ids=["memory", "http"])
async def test_an_answer_that_is_wanted_whole_and_breaks_off_is_none(real: bool) -> None:
    """Who lists over all processes says "later" when one of them dies with its part half told."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async def dying(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ConnectionResetError("it died")

    if not real:
        with pytest.raises(Unreached):
            await MemoryPeers({"http://two:1": dying}).fetch("http://two:1", "GET", b"/v1/lots", [], b"")
        return
    others = HttpPeers()
    server = await asyncio.start_server(half, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        with pytest.raises(Unreached):
            await others.fetch(address, "GET", b"/v1/lots", [], b"")
    await others.close()
