"""Labels of models: weighed where the project says so, and never all that settles a unit where people are asked for."""

from services.ingest.domain.models import Models
from services.ingest.domain.project import Consensus, Overlap, Policy
from simulation.house import House
from tests.unit.services.adjudicate.running import Adjudicate, start


async def labelled(found: Adjudicate, unit: str, *people: tuple[str, str, bool]) -> list[str]:
    await found.upstream.unit(unit)
    for number, (who, label, model) in enumerate(people, start=1):
        await found.upstream.annotation(unit, number, who, label, by_model=model)
    return [kind for text, kind in await found.decisions() if text == unit]


async def test_models_alone_settle_nothing_where_people_are_asked_for() -> None:
    found = await start(House())
    policy = Policy(
        overlap=Overlap(initial=2, max=3),
        consensus=Consensus(method="majority", confidence=0.6),
        models=Models(counted="in_overlap", humans_min=1),
    )
    await found.upstream.project(policy)
    two_models = ("m1", "yes", True), ("m2", "yes", True)
    assert await labelled(found, "k1-utb1", *two_models) == ["overlap_requested"], "one more, of a person"
    await found.upstream.annotation("k1-utb1", 3, "ann", "yes")
    assert (await found.decisions())[-1] == ("k1-utb1", "consensus_reached")
    (reached,) = (event.consensus_reached for event in found.events() if event.HasField("consensus_reached"))
    assert [(evidence.annotator_id, evidence.by_model) for evidence in reached.evidence] == [
        ("m1", True),
        ("m2", True),
        ("ann", False),
    ]
    three = *two_models, ("m3", "yes", True)
    assert (await labelled(found, "k1-utb2", *three))[-1] == "escalated", "as many as there may be, and no person's"
    mixed = ("m1", "yes", True), ("ann", "yes", False)
    assert await labelled(found, "k1-utb3", *mixed) == ["consensus_reached"]
    await found.stop()


async def test_a_label_that_counts_never_is_a_part_in_the_unit_and_no_more() -> None:
    found = await start(House())
    await found.upstream.project(Policy(overlap=Overlap(initial=1, max=1), consensus=Consensus(method="majority")))
    await found.upstream.unit("k1-utb1")
    await found.upstream.annotation("k1-utb1", 1, "m1", "no", by_model=True, late=True)
    assert await found.decisions() == []
    await found.upstream.annotation("k1-utb1", 2, "ann", "yes")
    assert await found.decisions() == [("k1-utb1", "consensus_reached")]
    (reached,) = (event.consensus_reached for event in found.events())
    assert ([evidence.annotator_id for evidence in reached.evidence], set(reached.participants)) == (
        ["ann"],
        {"ann", "m1"},
    )
    await found.stop()
