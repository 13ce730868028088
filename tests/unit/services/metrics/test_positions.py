"""Whether what stands first is favoured: counted, told at the door and shown, of a simulated crowd."""

import random
from typing import Any

import msgspec
import pytest

from concord.labels import encoded
from concord.quality.position import Position
from services.ingest.domain.project import Overlap, Policy
from services.metrics.domain.position import favoured
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.survey import Survey
from services.metrics.domain.unit import Annotation, Unit, annotated
from services.metrics.page.document import report_page
from services.metrics.page.material import material
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.metrics.running import Metrics, measure_of
from tests.unit.services.metrics.test_surveys import FIRST_HOUR, metrics, past_of, surveys_of, told

__all__ = ["metrics"]

ITEMS = ["x", "y", "z"]
FORM = {
    "kind": "form",
    "fields": [
        {"name": "better", "schema": {"kind": "preference"}},
        {"name": "order", "schema": {"kind": "ranking", "items": ITEMS}},
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["no", "yes"]}},
    ],
}
UNITS = 600


class Crowd:
    """People who rank without a bias; of pairs some choose what they see first more often than chance."""

    def __init__(self, biased: dict[str, float], seed: int) -> None:
        self.biased = biased
        self.generator = random.Random(seed)

    def answers(self, who: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a label, and what had stood first."""
        draw = self.generator
        first, other = draw.sample(["a", "b"], 2)
        shown = draw.sample(ITEMS, 3)
        side = first if draw.random() < self.biased.get(who, 0.5) else other
        better = {"prefer": side, "strength": 1} if draw.random() < 0.9 else {"prefer": "tie", "strength": 0}
        answers = {"better": better, "order": draw.sample(ITEMS, 3), "toxic": draw.choice(["no", "yes"])}
        return {"answers": answers}, {"better": first, "order": shown[0]}


async def labelled(metrics: Metrics, crowd: Crowd, people: list[str]) -> None:
    """Have the crowd label units of a project whose labels have several fields."""
    await metrics.upstream.project(Policy(overlap=Overlap(initial=2, max=5)), revision=2, schema=FORM)
    await until(lambda: measure_of(metrics.service).projects.rows[PROJECT].form is not None)
    past = past_of(metrics)
    for _ in range(UNITS):
        labels, past.first = zip(*(crowd.answers(who) for who in people), strict=True)
        past.unit(FIRST_HOUR, list(zip(people, labels, strict=True)))


async def shown(metrics: Metrics, name: str) -> dict[str, float]:
    """Return a series' values, by field, after a turn of the surveys."""
    await metrics.settle()
    await surveys_of(metrics).turn()
    page = (await metrics.call("/metrics")).body.decode()
    found = (line for line in page.splitlines() if line.startswith(f"{name}{{"))
    return {line.split('field="')[1].split('"')[0]: float(line.rpartition(" ")[2]) for line in found}


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_crowd_that_favours_what_stands_first_is_told_with_its_people_and_one_that_does_not_is_not(
    metrics: Metrics, seed: int
) -> None:
    crowd = Crowd({"ann": 0.75, "model-1": 0.8}, seed)
    await labelled(metrics, crowd, ["ann", "bob", "model-1"])
    better, order = (await told(metrics, "bias"))["positions"]
    assert (better["field"], better["found"], better["expected"], better["counted"]) == ("better", True, 0.5, 1.0)
    assert better["first"]["low"] > 0.5
    assert better["first"]["units"] + better["ties"] == 2 * UNITS, "a model is none of the people"
    assert sorted((named["annotator_id"], named["model"]) for named in better["favouring"]) == [
        ("ann", False),
        ("model-1", True),
    ]
    assert (order["field"], order["found"], order["favouring"]) == ("order", False, [])
    assert order["expected"] == pytest.approx(1 / 3)
    assert order["first"]["low"] < 1 / 3 < order["first"]["high"]

    assert await shown(metrics, "concord_position_found") == {"better": 1.0, "order": 0.0}
    assert (await shown(metrics, "concord_position_first"))["better"] == better["first"]["value"]
    project = measure_of(metrics.service).projects.rows[PROJECT]
    page = report_page(await material(measure_of(metrics.service), surveys_of(metrics), project)).decode()
    assert "What stands first" in page
    assert "more than chance makes" in page


async def test_a_project_in_which_nothing_has_an_order_tells_of_none(metrics: Metrics) -> None:
    past_of(metrics).unit(FIRST_HOUR, [("ann", "yes"), ("bob", "no")])
    assert (await told(metrics, "bias"))["positions"] == []
    assert await shown(metrics, "concord_position_found") == {}


def test_closed_units_and_a_later_word_count_by_the_order_that_was_shown() -> None:
    def given(side: str, **more: Any) -> Annotation:
        text = encoded({"prefer": side, "strength": 1}).decode()
        return Annotation("ann", text, shown_first=(("", "a"),), **more)

    revised = Unit("k1-p", asked=1)
    annotated(revised, "k1-u1.1", given("b"))
    annotated(revised, "k1-u1.1", msgspec.structs.replace(given("a", revision=1), shown_first=()))
    open_, closed = Survey(), ClosedSums()
    open_.add([revised])
    closed.add([revised])
    assert position_of(open_) == position_of(closed.survey)
    assert position_of(open_).first.value == 1.0
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(closed), type=ClosedSums)
    assert position_of(kept.survey) == position_of(open_)
    open_.merge(kept.survey)
    assert position_of(open_).first.units == 2
    gold = Unit("k1-p", gold='{"prefer":"a"}', annotations={"1": given("a")})
    open_.add([gold])
    assert position_of(open_).first.units == 2, "gold is chosen"


def position_of(survey: Survey) -> Position:
    return favoured("", survey.aspects[""]).people
