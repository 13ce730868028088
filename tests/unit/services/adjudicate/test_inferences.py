"""All labels of a project weighed at once, through adjudicate's door."""

from typing import Any

import pytest

from concord.chassis.clock import SystemClock
from concord.chassis.identity import Role
from services.adjudicate.domain import inference
from services.adjudicate.domain.inference import Given, TooMuch, inferred
from services.ingest.domain.project import Policy
from simulation.house import House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, start, voting

PATH = f"/v1/projects/{PROJECT}/inferences"


class StandingStill(SystemClock):
    """A clock whose hands do not move: a wall clock may be set back, too."""

    def now_us(self) -> int:
        return 1


async def asked(found: Adjudicate, path: str = "", query: str = "", role: Role = Role.OPERATOR) -> Any:
    return await found.call("GET", f"{PATH}{path}", role=role, query=query)


async def done(found: Adjudicate, body: Any = None) -> dict[str, Any]:
    """Ask for a run, and return it once it is done."""
    answer = await found.call("POST", PATH, body, role=Role.OPERATOR)
    assert answer.status == 202, answer.body
    run = answer.json()
    assert answer.headers["location"] == f"{PATH}/{run['inference_id']}"
    runs = found.handlers().inferring
    await until(lambda: runs.find(PROJECT, run["inference_id"]).ended is not None)
    document: dict[str, Any] = (await asked(found, f"/{run['inference_id']}")).json()
    return document


async def labelled(found: Adjudicate, policy: Policy | None = None) -> None:
    """Let three careful people and two who say yes to nearly all label twelve units, and majority settle them."""
    await found.upstream.project(policy or voting(5, 5, 0.5))
    for number in range(12):
        right = "yes" if number % 2 else "no"
        unit = f"k1-utb{number:02}"
        await found.upstream.unit(unit)
        for place, (who, text) in enumerate(
            [("lazy1", "yes"), ("ann", right), ("bob", right), ("cem", right), ("lazy2", "yes" if number else "no")],
            start=1,
        ):
            await found.upstream.annotation(unit, place, who, text)
    await found.settle()


async def test_all_labels_tell_of_annotators_and_where_that_differs_from_what_was_settled() -> None:
    found = await start(House())
    await labelled(found)
    run = await done(found)
    assert (run["status"], run["units_read"], run["reason"]) == ("done", 12, "")
    (field,) = run["fields"]
    assert (field["field"], field["classes"], field["units"], field["labels"]) == ("", ["no", "yes"], 12, 60)
    assert sum(field["shares"]) == pytest.approx(1)
    assert field["converged"]
    base = f"/{run['inference_id']}"
    annotators = {
        annotator["annotator_id"]: annotator
        for annotator in (await asked(found, f"{base}/annotators")).json()["annotators"]
    }
    assert annotators["ann"]["labels"] == 12
    assert annotators["ann"]["accuracy"] > 0.7 > annotators["lazy1"]["accuracy"]
    assert [round(sum(row), 3) for row in annotators["lazy1"]["confusion"]] == [1.0, 1.0]
    units: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await asked(found, f"{base}/units", f"limit=5&cursor={cursor}")).json()
        units += page["units"]
        if not (cursor := page["next"]):
            break
    assert [unit["unit_id"] for unit in units] == [f"k1-utb{number:02}" for number in range(12)]
    assert [unit["label"] for unit in units] == ["no", "yes"] * 6
    assert all(sum(unit["posterior"]) == pytest.approx(1, abs=1e-5) for unit in units)
    apart = (await asked(found, f"{base}/units", "differing=true")).json()["units"]
    assert field["differing"] == len(apart)
    assert all(entry["decided"] not in (None, entry["label"]) for entry in apart)
    await found.stop()


async def test_only_operators_ask_and_what_is_not_there_is_told_so() -> None:
    found = await start(House())
    await labelled(found)
    refused = await found.call("POST", PATH, role=Role.ADJUDICATOR)
    assert refused.status == 403
    assert (await asked(found, "/i1")).status == 404
    run = await done(found, {"rulings": True})
    assert [entry["inference_id"] for entry in (await asked(found)).json()["inferences"]] == [run["inference_id"]]
    wrong = await asked(found, f"/{run['inference_id']}/units", "field=colour")
    assert (wrong.status, wrong.json()["errors"][0]["field"]) == (422, "field")
    await found.stop()


async def test_a_run_that_is_asked_for_with_rulings_is_another_than_one_without_and_no_two_have_one_name() -> None:
    found = await start(House())
    await labelled(found)
    inferring = found.handlers().inferring
    project = found.handlers().projects.rows[PROJECT]
    inferring.clock = StandingStill()
    free, again, ruled = (inferring.ask(project, rulings=rulings) for rulings in (False, False, True))
    assert (free is again, ruled.rulings, ruled is free) == (True, True, False)
    await until(lambda: None not in (free.ended, ruled.ended))
    names = [entry["inference_id"] for entry in (await asked(found)).json()["inferences"]]
    assert names == [free.inference_id, ruled.inference_id]
    assert len(set(names)) == 2
    await found.stop()


async def test_what_would_take_too_much_is_told_and_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "LABELS_MAX", 40)
    found = await start(House())
    await labelled(found)
    run = await done(found)
    assert (run["status"], run["fields"]) == ("failed", [])
    assert run["reason"] == "There are more than 40 labels, and so many are taken at once."
    await found.stop()


def test_rulings_are_known_where_that_is_asked_for() -> None:
    units = [Given(f"u{n}", (("ann", "a"), ("bob", "a")), "b", 1.0, True) for n in range(6)]
    known = inferred("", ["a", "b"], units, rulings=True)
    free = inferred("", ["a", "b"], units, rulings=False)
    assert known is not None
    assert free is not None
    assert (len(known.differing), len(free.differing)) == (0, 6)


def of_two(units: int, classes: int = 2) -> inference.Gathering:
    """Return so many units, two labels of each."""
    gathering = inference.Gathering("", [f'"c{number}"' for number in range(classes)])
    for number in range(units):
        text = f'"c{number % classes}"'
        gathering.add(Given(f"u{number}", (("ann", text), ("bob", text)), text, 0.9, False))
    return gathering


@pytest.mark.parametrize(
    ("bound", "most", "words"),
    [
        ("UNITS_MAX", 6, "units"),
        ("LABELS_MAX", 12, "labels"),
        ("CELLS_MAX", 12, "units times classes"),
    ],
)
def test_what_a_bound_allows_is_reckoned_and_one_unit_more_is_refused_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: int, words: str
) -> None:
    monkeypatch.setattr(inference, bound, most)
    found = of_two(6).inferred(rulings=False)
    assert found is not None
    assert (len(found.units), found.labels, found.cells) == (6, 12, 6 * 2 + 2 * 4)
    with pytest.raises(TooMuch, match=f"more than {most} {words}, and so many"):
        of_two(7)


def test_annotators_times_squares_of_classes_have_a_bound_and_so_have_all_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inference, "CELLS_MAX", 2 * 9)
    of_two(2, classes=3)
    with pytest.raises(TooMuch, match="annotators times squares of classes"):
        of_two(2, classes=4)
    monkeypatch.setattr(inference, "FIELDS_LABELS_MAX", 16)
    inference.check_all([of_two(4), of_two(4)])
    with pytest.raises(TooMuch, match="labels in all fields"):
        inference.check_all([of_two(4), of_two(5)])
    monkeypatch.setattr(inference, "FIELDS_LABELS_MAX", 100)
    monkeypatch.setattr(inference, "FIELDS_CELLS_MAX", 2 * (4 * 2 + 2 * 4))
    inference.check_all([of_two(4), of_two(4)])
    with pytest.raises(TooMuch, match="in all fields"):
        inference.check_all([of_two(4), of_two(5)])


async def test_the_oldest_runs_make_room_where_all_hold_too_many_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await start(House())
    await labelled(found)
    entry = await done(found)
    held = found.handlers().inferring.find(PROJECT, entry["inference_id"]).cells
    monkeypatch.setattr("services.adjudicate.handlers.inferring.KEPT_CELLS_MAX", 2 * held)
    two, three = await done(found), await done(found)
    assert (await asked(found, f"/{entry['inference_id']}")).status == 404
    kept = [each["inference_id"] for each in (await asked(found)).json()["inferences"]]
    assert kept == [two["inference_id"], three["inference_id"]]
    await found.stop()


async def test_a_page_of_many_numbers_is_shorter_and_all_pages_have_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.adjudicate.door.inferences.CELLS_A_PAGE", 8)
    found = await start(House())
    await labelled(found)
    base = f"/{(await done(found))['inference_id']}"
    for listed, key, size, many in (("units", "unit_id", 4, 12), ("annotators", "annotator_id", 2, 5)):
        names, cursor = list[str](), ""
        while True:
            page = (await asked(found, f"{base}/{listed}", f"limit=50&cursor={cursor}")).json()
            assert len(page[listed]) <= size
            names += [each[key] for each in page[listed]]
            if not (cursor := page["next"]):
                break
        assert (len(names), len(set(names))) == (many, many)
    wrong = await asked(found, f"{base}/units", "cursor=WyJhIl0")
    assert wrong.status == 422
    past = (await asked(found, f"{base}/units", "cursor=WzkwMF0")).json()
    assert (past["units"], past["next"]) == ([], "")
    await found.stop()
