"""The way out for webhooks, over real sockets on this machine: only to addresses that were checked, in bounded time."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.audit.domain.addresses import anywhere
from services.audit.webhooks.sender import ADDRESSES_MAX, Answer, HttpSender, looked_up
from tests.support.certificates import certificate

RECEIVER, SECRET_PLACE = "127.0.0.2", "127.0.0.1"
"""Two addresses of this machine: one that a test allows, and one that stands for what only we can reach."""
HEADERS = {"webhook-id": "d1"}
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """Whoever listens at an address: notes what it hears and answers with fixed bytes."""

    def __init__(self, answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n", talk: Talk | None = None) -> None:
        self.answer = answer
        self.talk = talk
        self.heard: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self.heard.append(head + await reader.readexactly(length))
            if self.talk is not None:
                await self.talk(reader, writer)
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    host: str, receiver: Receiver, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    server = await asyncio.start_server(receiver.serve, host, port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def only(address: str) -> Callable[[str], bool]:
    return lambda asked: asked == address


class Names:
    """A name server of our own: says these addresses, the next ones at each look-up."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        return self.answers.pop(0)


async def post(sender: HttpSender, port: int, host: str = "hooks.example.org", scheme: str = "http") -> Answer:
    return await sender.post(f"{scheme}://{host}:{port}/in?a=%2F", HEADERS, b'{"a":1}')


async def test_a_receiver_gets_the_body_and_the_headers_at_the_path_as_it_was_registered() -> None:
    async with listening(RECEIVER, Receiver()) as receiver:
        answer = await post(HttpSender(only(RECEIVER), Names([RECEIVER])), receiver.port)
    assert answer == Answer(True, "It answered 204.")
    (heard,) = receiver.heard
    head, body = heard.split(b"\r\n\r\n")
    assert head.startswith(b"POST /in?a=%2F HTTP/1.1\r\n")
    assert b"host: hooks.example.org" in head.lower()
    assert b"webhook-id: d1" in head.lower()
    assert body == b'{"a":1}'


async def test_a_name_that_changes_its_address_between_look_up_and_connect_leads_nowhere_else() -> None:
    """`localhost` is the secret place by the system's resolver, too: nobody asks it."""
    secret = Receiver()
    async with listening(RECEIVER, Receiver()) as receiver, listening(SECRET_PLACE, secret, receiver.port):
        names = Names([RECEIVER], [SECRET_PLACE])
        sender = HttpSender(only(RECEIVER), names)
        assert (await post(sender, receiver.port, "localhost")).taken
        assert names.asked == ["localhost"], "one look-up an attempt"
        assert (await post(sender, receiver.port, "localhost")).refused, "the next attempt looks again, and refuses"
    assert len(receiver.heard) == 1
    assert secret.heard == []


async def test_one_address_inside_among_several_refuses_the_name() -> None:
    async with (
        listening(RECEIVER, Receiver()) as receiver,
        listening(SECRET_PLACE, Receiver(), receiver.port) as secret,
    ):
        answer = await post(HttpSender(only(RECEIVER), Names([RECEIVER, SECRET_PLACE])), receiver.port)
    assert answer.refused
    assert receiver.heard == secret.heard == []


async def test_an_address_written_as_a_number_is_connected_to_only_if_it_was_checked() -> None:
    """For a number the library asks no resolver: the socket itself is refused."""
    async with listening(SECRET_PLACE, Receiver()) as secret:
        answer = await post(HttpSender(only(RECEIVER), Names([RECEIVER])), secret.port, SECRET_PLACE)
        assert answer.refused
        answer = await post(HttpSender(), secret.port, SECRET_PLACE)
        assert answer.refused
        answer = await post(HttpSender(), secret.port, "0x7f.1")
        assert answer.refused
    assert secret.heard == []


async def test_no_redirect_is_followed() -> None:
    async with listening(SECRET_PLACE, Receiver()) as secret:
        to = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{SECRET_PLACE}:{secret.port}/\r\n\r\n".encode()
        async with listening(RECEIVER, Receiver(to)) as receiver:
            answer = await post(HttpSender(anywhere, Names([RECEIVER])), receiver.port)
    assert answer == Answer(False, "It answered 307, and no redirect is followed.")
    assert secret.heard == []


async def test_a_receiver_that_hangs_is_left_in_bounded_time() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    async with listening(RECEIVER, Receiver(talk=hang)) as receiver:
        answer = await post(HttpSender(anywhere, Names([RECEIVER]), seconds_max=0.1), receiver.port)
    assert answer == Answer(False, "It did not answer in time.")


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "It answered 500."),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000 + b"\r\n\r\n", "It gave no answer of HTTP."),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "It gave no answer of HTTP."),
        (b"", "It gave no answer of HTTP."),
    ],
    ids=["a fault", "a head without end", "another protocol", "nothing"],
)
async def test_how_an_attempt_failed_is_said_in_words_of_ours(said: bytes, how: str) -> None:
    async with listening(RECEIVER, Receiver(said)) as receiver:
        assert await post(HttpSender(anywhere, Names([RECEIVER])), receiver.port) == Answer(False, how)


async def test_an_answer_without_end_is_not_read() -> None:
    sent = [0]

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent[0] += 100_000

    async with listening(RECEIVER, Receiver(talk=pour)) as receiver:
        assert (await post(HttpSender(anywhere, Names([RECEIVER])), receiver.port)).taken
    assert sent[0] < 50_000_000, "what the system's own buffers take, and no more"


async def test_who_is_not_there_is_said_to_take_no_connection_and_what_has_no_address_to_be_unknown() -> None:
    async with listening(RECEIVER, Receiver()) as receiver:
        pass
    assert await post(HttpSender(anywhere, Names([RECEIVER])), receiver.port) == Answer(False, "It took no connection.")
    for found, how in (([], "Its name has no addresses."), (["127.0.0.2"] * (ADDRESSES_MAX + 1), "too many addresses")):
        assert how in (await post(HttpSender(anywhere, Names(found)), receiver.port)).how

    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(f"{host}:{port}")

    assert await post(HttpSender(anywhere, unknown), receiver.port) == Answer(False, "Its name is not known.")


async def test_a_certificate_must_be_trusted_and_be_that_of_the_name(tmp_path: Path) -> None:
    server, trusted = certificate(tmp_path, "hooks.example.org")
    async with listening(RECEIVER, Receiver(), tls=server) as receiver:
        good = HttpSender(anywhere, Names([RECEIVER], [RECEIVER]), trusted)
        assert (await post(good, receiver.port, scheme="https")).taken
        wrong = [await post(good, receiver.port, "other.example.org", "https")]
        wrong.append(await post(HttpSender(anywhere, Names([RECEIVER])), receiver.port, scheme="https"))
    assert wrong == [Answer(False, "Its certificate is not trusted, or it speaks no TLS.")] * 2
    assert len(receiver.heard) == 1


async def test_the_systems_resolver_is_asked_off_the_loop() -> None:
    assert SECRET_PLACE in await looked_up("localhost", 80)
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's business
        await looked_up("nobody.invalid", 80)
