#!/usr/bin/env bash
# Seen with aiokafka 0.14.0: a producer's batch that waits behind others of its partition is given up long before
# `request_timeout_ms` has passed. Whenever the batch before it is sent and another waiter takes its place, all the time
# since the wait began is taken off what is left, and not the time since it was last taken off: with a batch sent every
# second and 10 s to wait, KafkaTimeoutError comes after 4 s (1 + 2 + 3 + 4). Nothing is connected to.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet aiokafka==0.14.0
"$folder/environment/bin/python" - <<'PYTHON'
import asyncio
import time

from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaTimeoutError
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.structs import TopicPartition

PLACE, WAITERS, SECONDS, EVERY = TopicPartition("topic", 0), 8, 10.0, 1.0


async def main():
    accumulator = MessageAccumulator(ClusterMetadata(), 16_384, 0, 30.0)
    began = time.monotonic()

    async def wait():
        builder = accumulator.create_builder()
        builder.append(timestamp=None, key=None, value=b"value")
        try:
            await accumulator.add_batch(builder, PLACE, SECONDS)
        except KafkaTimeoutError:
            return "given up", round(time.monotonic() - began)
        return "queued", round(time.monotonic() - began)

    waiting = [asyncio.create_task(wait()) for _ in range(WAITERS)]
    while not all(task.done() for task in waiting):
        await asyncio.sleep(EVERY)
        if accumulator._batches.get(PLACE):
            accumulator._pop_batch(PLACE)  # as the sender does, which takes one batch of a partition at a time
    seen = [task.result() for task in waiting]
    print(f"{WAITERS} batches of one partition, one sent every {EVERY:g} s, {SECONDS:g} s to wait: {seen}")
    given_up = [seconds for how, seconds in seen if how == "given up"]
    assert given_up, seen
    assert max(given_up) < SECONDS / 2, seen


asyncio.run(main())
PYTHON
