"""What the other services would tell metrics of a project at work, label by label, as records of the real topics."""

import random
from collections.abc import Iterator

from google.protobuf.message import Message

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.contracts.ids import client_of, placed_id
from concord.contracts.topics import ANNOTATIONS, LOTS, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent

PEOPLE, LABELS = 50, 3
"""How many annotate, and how many labels a unit gets."""
GOLD_EVERY, LOT_UNITS = 10, 500
RIGHT = 0.85
CLASSES = (b'"contradiction"', b'"entailment"', b'"neutral"')
"""Of the project that `bench.services.load` defines, as canonical JSON."""


class ProjectEvents:
    """A project's events: each unit comes in, is labelled and is settled; every lot is sealed and accepted.

    A tenth of the units is gold. People are right as often as people are, so that agreement has something to say.

    Args:
        project_id: whose.
        seed: draws what people say.
        gold_every: every which unit is gold; 0: none is.

    Attributes:
        lot_units: how many settled units make a lot, from now on.
    """

    def __init__(self, project_id: str, seed: int = 1, gold_every: int = GOLD_EVERY) -> None:
        self.project_id = project_id
        self.lot_units = LOT_UNITS
        self._gold_every = gold_every
        self.labels = self.events = 0
        self._random = random.Random(seed)
        self._unit_id = ""
        self._known = CLASSES[0]
        self._lot: list[str] = []

    def label(self, at_us: int) -> list[Outgoing]:
        """Return what is told around the next label: its unit before the first of it, what comes of it after the last.

        Args:
            at_us: when it is given, event time.
        """
        unit, nth = divmod(self.labels, LABELS)
        outgoings = list(self._around(unit, nth, Announcer("bench", f"{self.project_id}/{self.labels}", at_us)))
        self.labels += 1
        self.events += len(outgoings)
        return outgoings

    def _around(self, unit: int, nth: int, announcer: Announcer) -> Iterator[Outgoing]:
        is_gold = self._gold_every > 0 and unit % self._gold_every == 0
        if nth == 0:
            self._unit_id, self._known = placed_id("u", self.project_id, f"{unit:026}"), self._random.choice(CLASSES)
            admitted = UnitAdmitted(
                unit_id=self._unit_id, overlap_initial=LABELS, gold_label=self._known if is_gold else None
            )
            yield self._event(announcer, UNITS, self._unit_id, UnitEvent(unit_admitted=admitted))
        label = self._known if self._random.random() < RIGHT else self._random.choice(CLASSES)
        annotation = AnnotationSubmitted(
            unit_id=self._unit_id,
            annotation_id=f"{self._unit_id}.{nth:010}",
            annotator_id=f"annotator-{(self.labels + unit) % PEOPLE:02}",
            label=label,
            active_ms=4_000 + self.labels % 997,
        )
        yield self._event(announcer, ANNOTATIONS, self._unit_id, AnnotationEvent(annotation_submitted=annotation))
        if nth == LABELS - 1 and not is_gold:
            yield from self._settled(announcer)

    def _settled(self, announcer: Announcer) -> Iterator[Outgoing]:
        reached = ConsensusReached(unit_id=self._unit_id, label=self._known, overlap_initial=LABELS)
        yield self._event(announcer, RESOLUTIONS, self._unit_id, ResolutionEvent(consensus_reached=reached))
        self._lot.append(self._unit_id)
        if len(self._lot) == self.lot_units:
            unit_ids, self._lot = self._lot, []
            lot_id = placed_id("l", self.project_id, f"{self.labels:026}")
            sealed = LotSealed(lot_id=lot_id, unit_ids=unit_ids)
            yield self._event(announcer, UNITS, lot_id, UnitEvent(lot_sealed=sealed))
            taken = LotAccepted(lot_id=lot_id, lot_units=len(unit_ids), inspected=50, errors=1)
            yield self._event(announcer, LOTS, lot_id, LotEvent(lot_accepted=taken))

    def _event(self, announcer: Announcer, topic: Topic, key: str, envelope: Message) -> Outgoing:
        return announcer.event(topic, key, client_of(self.project_id), self.project_id, envelope)
