"""What is asked of the command in several tests, and how its answers are read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

from cli import statuses
from tests.support import walk

Run = Callable[..., Result]


def done(result: Result) -> str:
    assert result.exit_code == statuses.OK, result.output
    return result.stdout


def as_json(result: Result) -> Any:
    return json.loads(done(result))


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in done(result).splitlines()]


def time_told(run: Run, project: str, folder: Path) -> None:
    """See who worked how long: no time was told with these labels, and each stands so in table and file."""
    assert "ann-1" in done(run("annotators", "list", project, "--as", "me"))
    time_of = ("annotators", "time", project, "--as", "me")
    people = {line["annotator_id"]: line for line in lines(run(*time_of, "--json"))}
    assert {who: person["labels"] for who, person in people.items()} == walk.LABELS
    assert [person["labels_untold"] for person in people.values()] == list(walk.LABELS.values())
    by_day = done(run(*time_of, "--days"))
    assert "ann-1" in by_day
    assert ("day" in by_day, "day" in done(run(*time_of))) == (True, False)
    assert lines(run(*time_of, "--until", "2001-01-01", "--json")) == []
    path = folder / "time.csv"
    assert done(run(*time_of, "--csv", str(path))) == f"written: {path}, {len(people)} lines\n"
    head, *rows = path.read_text().splitlines()
    assert head == "annotator_id,day,labels,labels_untold,active_ms,active_hours"
    assert [row.split(",")[0] for row in rows] == sorted(walk.LABELS)
    assert "is no day" not in done(run(*time_of, "--since", "2001-01-01"))
    wrong = run(*time_of, "--since", "yesterday")
    assert wrong.exit_code == statuses.USAGE
