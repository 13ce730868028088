"""Whom connections to brokers trust, when the file that says so changes under them."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from concord.chassis.broker.authority import Authority, context_of
from concord.chassis.broker.kafka_connection import KafkaConnection
from tests.support.certificates import certificate, put

NAME = "broker.example.org"


@asynccontextmanager
async def listening(tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Listen by TLS while the block runs; give the port."""

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def heard(port: int, context: ssl.SSLContext) -> bytes:
    """Return what a server says to who trusts it; empty of one that is not trusted."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=NAME)
    except ssl.SSLCertVerificationError:
        return b""
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_connections_trust_whom_the_file_names_when_they_are_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders = tmp_path / "old", tmp_path / "new"
    for folder in folders:
        folder.mkdir()
    (old, _), (new, _) = (certificate(folder, NAME, folder.name) for folder in folders)
    pems = [(folder / "certificate.pem").read_bytes() for folder in folders]
    ca_file = tmp_path / "ca.crt"
    put(pems[0], ca_file)
    context = context_of(ca_file)
    async with listening(old) as before, listening(new) as after:
        assert [await heard(port, context) for port in (before, after)] == [b"hello", b""]
        put(b"".join(pems), ca_file)  # while an authority is renewed both are believed
        assert [await heard(port, context) for port in (before, after)] == [b"hello", b"hello"]
        put(pems[1], ca_file)
        assert [await heard(port, context) for port in (before, after)] == [b"", b"hello"]

        with caplog.at_level(logging.ERROR):
            put(b"no certificate", ca_file)
            assert [await heard(after, context) for _ in range(2)] == [b"hello"] * 2, "who was trusted is trusted on"
            ca_file.unlink()
            assert [await heard(after, context) for _ in range(2)] == [b"hello"] * 2
        assert len([line for line in caplog.messages if "cannot be used" in line]) == 2, "once each"
        put(pems[0], ca_file)
        assert [await heard(port, context) for port in (before, after)] == [b"hello", b""]


async def test_a_connection_still_asks_for_the_brokers_own_name(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "other.example.org")
    async with listening(server) as port:
        assert await heard(port, context_of(tmp_path / "certificate.pem")) == b""


def test_a_file_that_cannot_be_used_at_the_start_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ca\.crt"):
        context_of(tmp_path / "ca.crt")
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        context_of(tmp_path / "ca.crt")


def test_kafkas_clients_go_by_the_file_and_else_by_the_systems_authorities(tmp_path: Path) -> None:
    certificate(tmp_path, NAME)
    named = KafkaConnection(bootstrap="k:9093", client_id="x", security="SSL", ca_file=tmp_path / "certificate.pem")
    assert isinstance(named.options()["ssl_context"], Authority)
    others = KafkaConnection(bootstrap="k:9093", client_id="x", security="SSL").options()["ssl_context"]
    assert type(others) is ssl.SSLContext
    assert others.verify_mode is ssl.CERT_REQUIRED
