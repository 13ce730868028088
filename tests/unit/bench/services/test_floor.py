"""The bare loops: what is replayed, and what the bare server answers."""

import os
import time

import httpx
import pytest

from bench.services.bare_http import ANSWER_BYTES, application
from bench.services.bare_io import Document, head, in_commits
from bench.services.floor import Floor
from bench.services.meter import cpu_seconds, peak_mb
from bench.statistics.measure import peak_mb as own_peak_mb


def record(name: str, commit: str) -> Document:
    return {"_id": name, "commit": commit}


def test_records_are_put_together_as_they_were_inserted_in_the_order_of_the_commits() -> None:
    found = [record("c", "w/10"), record("a", "w/2"), record("d", "w/10"), record("b", "w/2")]
    assert [[entry["_id"] for entry in commit] for commit in in_commits(found)] == [["a", "b"], ["c", "d"]]


def test_a_long_phase_is_replayed_by_its_first_commits_which_stay_whole() -> None:
    groups = [[record(str(n), "w/1")] * 3 for n in range(4)]
    assert head(groups, 4) == groups[:2]
    assert head(groups, 100) == groups
    assert head([], 100) == []


async def test_the_bare_server_reads_the_body_and_answers_as_many_bytes_as_asked_for() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://bare") as client:
        answer = await client.post("/any/path", content=b"x" * 1000, headers={ANSWER_BYTES.decode(): "77"})
    assert (answer.status_code, len(answer.content)) == (200, 77)


def test_a_floor_is_the_sum_of_its_parts() -> None:
    assert Floor(http_us=1.0, store_us=2.0, broker_us=4.0).total_us == 7.0


def test_the_meter_reads_what_a_process_itself_says_it_has_spent() -> None:
    before = cpu_seconds(os.getpid()), time.process_time()
    sum(range(2_000_000))
    after = cpu_seconds(os.getpid()), time.process_time()
    assert after[0] > before[0]
    assert abs((after[0] - before[0]) - (after[1] - before[1])) < 0.01
    # The process may grow between the two readings, and the kernel counts pages by the dozen; a wrong unit is 5 % off.
    assert peak_mb(os.getpid()) == pytest.approx(own_peak_mb(), rel=0.01)
