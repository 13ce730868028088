#!/usr/bin/env bash
# Seen with faust-streaming 0.15.3 and aiokafka 0.14.0: `table_standby_replicas`, by its name and its documentation a
# number of copies of tables, also decides how the partitions of an application without tables are dealt. With 1 (the
# default) its own assignor deals the same partition of every topic to the same worker; with 0 the client library's
# round robin deals them, and with an odd number of partitions the same partition of two topics goes to two workers. An
# application that joins two topics by key outside of tables loses that without a word. Nothing is connected to.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet faust-streaming==0.15.3 aiokafka==0.14.0
"$folder/environment/bin/python" - <<'PYTHON'
import asyncio

import faust
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata


class Cluster:
    def partitions_for_topic(self, topic):
        return {0, 1, 2}


async def assignor_with(standbys):
    app = faust.App(f"app-{standbys}", broker="kafka://127.0.0.1:9", table_standby_replicas=standbys)
    thread = app.consumer._new_consumer_thread()
    thread._create_worker_consumer(app.transport)
    found = thread._assignor
    return found if isinstance(found, type) else type(found)


async def main():
    seen = {standbys: (await assignor_with(standbys)).__name__ for standbys in (1, 0)}
    print(seen)
    assert seen == {1: "PartitionAssignor", 0: "RoundRobinPartitionAssignor"}, seen
    topics = ["annotations", "resolutions"]
    members = {name: ConsumerProtocolMemberMetadata(0, topics, b"") for name in ("one", "two")}
    dealt = RoundRobinPartitionAssignor.assign(Cluster(), members)
    by_member = {name: dict(sorted(dict(one.assignment).items())) for name, one in sorted(dealt.items())}
    print(by_member)
    assert any(held.get("annotations") != held.get("resolutions") for held in by_member.values()), by_member


asyncio.run(main())
PYTHON
