"""What Faust hands to an agent on our topics: a chunk of records as one message."""

from collections.abc import Sequence
from typing import Any

import faust
from faust.types.tuples import ConsumerMessage

from concord.chassis.broker.port import Incoming


class ChunkMessage(ConsumerMessage):
    """Some records of a partition, in order and without a gap of ours; its offset is that of the last one."""

    records: Sequence[Incoming] = ()


class RawChunks(faust.Schema[Any, Any]):
    """Hands a chunk's values through untouched."""

    def compile(self, app: Any, **options: Any) -> Any:
        """Return the function that makes an event of a message."""
        del options

        async def decode(message: ChunkMessage, *, propagate: bool = False) -> Any:
            del propagate
            return app.create_event(None, message.value, message.headers, message)

        return decode
