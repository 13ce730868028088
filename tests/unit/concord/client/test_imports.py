"""Imports that go on: parts cut anywhere, lines that break, answers that are lost. Against ingest's own door."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.client import Changed, Columns, Concord, Patience, Refused, units
from tests.support import walk
from tests.support.served import Served, served_five

ROWS = 150


class Broken(httpx.BaseTransport):
    """A line that breaks: `broken` says whether the nth PATCH is lost on the way in, or its answer on the way out."""

    def __init__(self, broken: Callable[[int], str]) -> None:
        self._broken, self._through, self.patches = broken, httpx.HTTPTransport(), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PATCH":
            return self._through.handle_request(request)
        self.patches += 1
        fate = self._broken(self.patches)
        if fate == "in":
            raise httpx.WriteError("the line broke")
        answer = self._through.handle_request(request)
        if fate == "out":
            answer.read()
            raise httpx.ReadError("the line broke")
        return answer


@pytest.fixture(scope="module")
def five() -> Iterator[Served]:
    with served_five() as found:
        yield found


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "PART_BYTES", 1_000)


def client(five: Served, transport: httpx.BaseTransport | None = None) -> Concord:
    patience = Patience(seconds=20, pause_seconds_first=0.001, pause_seconds_max=0.001)
    return Concord(five.token("client", client="k1"), five.addresses, patience=patience, transport=transport)


def mine(folder: Path) -> Path:
    file = folder / "mine.csv"
    # Records of several lines, so that a part ends within one.
    file.write_text(
        "id,message\n" + "".join(f'r{number},"line one\nline ""two"" of {number}"\n' for number in range(ROWS))
    )
    return file


CSV: dict[str, Any] = {"form": "csv", "columns": Columns(id="id", content="message")}


@pytest.mark.parametrize("fate", ["in", "out"])
def test_a_line_that_breaks_at_every_other_part_loses_nothing_and_takes_nothing_twice(
    five: Served, tmp_path: Path, fate: str
) -> None:
    road = Broken(lambda number: fate if number % 2 else "")
    with client(five, road) as concord:
        project = concord.define_project(f"broken-{fate}", walk.DEFINITION).project_id
        entry = concord.import_file(project, mine(tmp_path), **CSV)
        assert (entry.admitted, entry.repeated, entry.refused_count, entry.complete) == (ROWS, 0, 0, True)
        assert entry.offset == (tmp_path / "mine.csv").stat().st_size
        assert {
            admitted_unit.status for admitted_unit in concord.find(project, [f"r{number}" for number in range(ROWS)])
        } == {"admitted"}
    assert road.patches > 8


def test_an_import_that_was_broken_off_goes_on_where_it_stands(five: Served, tmp_path: Path) -> None:
    file, offsets = mine(tmp_path), []

    def stop_at_the_third(at: Any) -> None:
        offsets.append(at.offset)
        if len(offsets) == 3:
            raise KeyboardInterrupt

    with client(five) as concord:
        project = concord.define_project("resumed", walk.DEFINITION).project_id
        with pytest.raises(KeyboardInterrupt):
            concord.import_file(project, file, on_progress=stop_at_the_third, **CSV)
        again = concord.import_file(project, file, on_progress=lambda at: offsets.append(at.offset), **CSV)
        assert (again.admitted, again.repeated) == (ROWS, 0)
    assert offsets == sorted(set(offsets))


def test_a_packed_file_is_unpacked_as_it_is_read(five: Served, tmp_path: Path) -> None:
    packed = tmp_path / "mine.csv.gz"
    packed.write_bytes(gzip.compress(mine(tmp_path).read_bytes()))
    with client(five) as concord:
        project = concord.define_project("packed", walk.DEFINITION).project_id
        assert concord.import_file(project, packed, **CSV).admitted == ROWS


def test_a_record_that_is_longer_than_a_part_grows_the_part(five: Served, tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    file.write_text('{"id": "long", "content": "' + "x" * 50_000 + '"}\n{"id": "short", "content": "y"}\n')
    with client(five) as concord:
        project = concord.define_project("long", walk.DEFINITION).project_id
        assert concord.import_file(project, file).admitted == 2


def test_a_record_that_is_longer_than_any_part_is_refused_by_its_line(
    five: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "PART_BYTES_MAX", 4_000)
    file = tmp_path / "endless.jsonl"
    file.write_text('{"id": "a", "content": "a"}\n{"id": "b", "content": "' + "x" * 50_000)
    with client(five) as concord, pytest.raises(Refused, match="Line 2 is longer than 4000 bytes"):
        concord.import_file(concord.define_project("endless", walk.DEFINITION).project_id, file)


def test_an_empty_file_is_an_import_of_nothing(five: Served, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    with client(five) as concord:
        project = concord.define_project("empty", walk.DEFINITION).project_id
        entry = concord.import_file(project, tmp_path / "empty.jsonl")
        assert (entry.complete, entry.admitted) == (True, 0)


def test_units_from_anywhere_go_on_when_they_come_again_in_the_same_order(five: Served) -> None:
    taken: list[int] = []

    def each(until: int) -> Iterator[dict[str, str]]:
        for number in range(200):
            if number == until:
                raise ConnectionError("the source broke")
            taken.append(number)
            yield {"id": f"s{number}", "content": f"stream {number}"}

    with client(five) as concord:
        project = concord.define_project("streamed", walk.DEFINITION).project_id
        with pytest.raises(ConnectionError):
            concord.import_units(project, each(until=150), "nightly")
        assert max(taken) == 149
        entry = concord.import_units(project, each(until=-1), "nightly")
        assert (entry.admitted, entry.repeated, entry.complete) == (200, 0, True)
        # Complete, it is found again, and nothing is read.
        assert concord.import_units(project, each(until=0), "nightly") == entry


def test_other_units_under_an_imports_name_are_refused(five: Served) -> None:
    def some(count: int) -> Iterator[dict[str, str]]:
        yield from ({"id": f"n{number}", "content": f"text {number}"} for number in range(count))
        raise ConnectionError

    with client(five) as concord:
        project = concord.define_project("others", walk.DEFINITION).project_id
        with pytest.raises(ConnectionError):
            concord.import_units(project, some(100), "daily")
        with pytest.raises(Changed, match="give it a new name"):
            concord.import_units(project, [{"id": "n0", "content": "text 0"}], "daily")


def test_a_file_of_another_tool_is_sent_whole(five: Served, tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text('[{"id": 1, "data": {"text": "one"}}, {"id": 2, "data": {"text": "two"}}]')
    with client(five) as concord:
        project = concord.define_project("whole", walk.DEFINITION).project_id
        assert concord.send_file(project, file, form="label-studio").admitted == 2
