"""A lot that is rejected for what one annotator labelled, and other lots beside it."""

from collections.abc import Sequence
from typing import Any

from concord.contracts.topics import LOTS
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, Evidence
from concord.labels import encoded
from services.ingest.domain import project as policies
from tests.support.audit import LOT, UNITS, Audit, lot_id, unit_ids

FIRST = 4
AGAIN = policies.Audit(plan="fraction", fraction=0.4, aql=0.05, ltpd=0.2, on_reject="relabel", radius_units=FIRST)
OTHER, OTHERS = lot_id(2), unit_ids(20, first=100)
THIRD, THIRDS = lot_id(3), unit_ids(20, first=200)


async def settle(audit: Audit, units: Sequence[str], labels: dict[str, Any], rework: int = 0) -> None:
    """Have units settled by the first of these annotators' labels, whatever the others say."""
    evidence = [
        Evidence(annotation_id=who, annotator_id=who, label=encoded(label), guideline_version=1)
        for who, label in labels.items()
    ]
    for unit in units:
        reached = ConsensusReached(
            unit_id=unit, label=evidence[0].label, confidence=0.97, method="posterior", rework=rework,
            evidence=evidence, guideline_version=1, overlap_initial=len(labels), participants=list(labels),
        )  # fmt: skip
        await audit.upstream.resolution(unit, consensus_reached=reached)
    await audit.settle()


async def reject(audit: Audit) -> None:
    """Have the first lot rejected for what one annotator labelled: another was right and was not believed."""
    await settle(audit, UNITS, {"bad": "yes", "good": "no"})
    while [lot.state.status for lot in audit.repository.open_lots(None) if lot.state.lot_id == LOT] == ["auditing"]:
        work = [unit for unit in await audit.work() if unit in UNITS]
        await audit.verdicts(work[:1], "no")


def events_of(audit: Audit, kind: str) -> list[Any]:
    """Return the events of a kind, those among them that are said again."""
    return [event for event in audit.house.events(LOTS) if event.WhichOneof("event") == kind]


async def lot_of(audit: Audit, lot: str) -> Any:
    return (await audit.client(f"/v1/lots/{lot}")).json()


async def inspected(audit: Audit, units: Sequence[str], truth: dict[str, str] | None = None) -> list[str]:
    """Inspect what is listed of these units, one at a time, until nothing is."""
    seen: list[str] = []
    while work := [unit for unit in await audit.work() if unit in units]:
        seen.append(work[0])
        assert await audit.verdicts(work[:1], (truth or {}).get(work[0], "yes")) == ["taken"]
    return seen
