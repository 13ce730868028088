"""The thread of Faust's consumer: how it polls, and what of it an error of its group ends."""

import logging
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver

from concord.chassis.broker.kafka_records import hand_over_own

FETCH_WAIT_MS = 250
"""How long the broker lets a fetch lie when there is nothing. It answers a connection in turn: whatever is asked
meanwhile, as where partitions begin and end when places were dealt, waits behind it. Faust's own is 1,500."""

FAUST_LOG = logging.getLogger("faust.chunks")
"""Said under Faust's name: its libraries' lines are shown from warnings on."""


class ChunkedThread(driver.AIOKafkaConsumerThread):
    """The thread of Faust's consumer."""

    logger = FAUST_LOG

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # there is no setting for it
        return consumer

    async def on_start(self) -> None:
        """Connect; records of our topics are ours from then on, those of changelogs are as Faust wants them."""
        await super().on_start()
        app: Any = self.consumer.app
        chunked = app.chunked_topics
        hand_over_own(self._consumer, lambda place: place.topic in chunked)

    async def _fetch_records(self, consumer: Any, *arguments: Any, **options: Any) -> Any:
        """Return what one poll brings: nothing where an error of the group ends it, which `ChunkedApp.in_group` takes.

        Raised here it would end Faust's fetcher, and with it the process, though the group can be joined anew.
        """
        try:
            return await super()._fetch_records(consumer, *arguments, **options)
        except KafkaError:
            if consumer._coordinator._pending_exception is None:
                raise
            consumer._subscription._fetch_count = 0  # it counts polls, and this one as if it went on
            return {}


def take_error(coordinator: Any) -> None:
    """Take the error that a coordinator of the client library holds for whoever polls next; it goes on then."""
    with suppress(KafkaError):
        coordinator.check_errors()
