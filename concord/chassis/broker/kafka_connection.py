"""How Kafka is reached: the settings that producer and consumers share."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from concord.chassis.broker.authority import context_of
from concord.chassis.broker.port import BrokerUnavailable

REQUEST_MS_MAX = 10_000
"""How long one request may go unanswered."""

PING_SECONDS_MAX = 3.0

NO_ANSWER = (KafkaError, OSError)
"""What is raised when the broker does not answer or refuses for now; a timeout is an OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """Where the brokers are and who we are to them.

    Attributes:
        bootstrap: host:port, or several with commas between.
        client_id: the service's name, for the brokers' logs and quotas.
        security: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        sasl_mechanism: SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN; read only with SASL.
        ca_file: PEM of the brokers' authority, as it is whenever a connection is made; the system's authorities when
            None. Read only with SSL.
    """

    bootstrap: str
    client_id: str
    security: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return what aiokafka's clients are called with."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": self.client_id,
            "security_protocol": self.security,
            "request_timeout_ms": REQUEST_MS_MAX,
        }
        if self.security.endswith("SSL"):
            options["ssl_context"] = context_of(self.ca_file)
        if self.security.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    async def ping(self) -> None:
        """Return when one of the brokers answers; the connection is made for this question alone.

        So it tells a broker that is away from a client of ours that has lost its way.

        Raises:
            BrokerUnavailable: none answers within PING_SECONDS_MAX.
        """
        client = AIOKafkaClient(**self.options())
        try:
            async with asyncio.timeout(PING_SECONDS_MAX):
                await client.bootstrap()
        except NO_ANSWER as fault:
            raise BrokerUnavailable(f"asking {self.bootstrap} whether it is there: {fault!r}") from fault
        finally:
            with suppress(*NO_ANSWER):
                async with asyncio.timeout(PING_SECONDS_MAX):
                    await client.close()

    def __repr__(self) -> str:
        return f"KafkaConnection({self.client_id} to {self.bootstrap} by {self.security})"
