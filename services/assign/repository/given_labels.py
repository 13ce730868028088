"""Labels that came in: what each says, and for how long a gold unit's copy looks as if it could be revised."""

from collections.abc import Mapping
from typing import cast

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import JOURNAL, events_of
from concord.contracts.codec import decode
from concord.contracts.ids import keyed_digest, place_of, slot_of_project
from concord.contracts.topics import ANNOTATIONS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationRevised, AnnotationSubmitted
from services.assign.domain.place import Place
from services.assign.domain.revision import Delays
from services.assign.domain.unit import Assignment

DRAW_BYTES = 8


class GivenLabels:
    """Labels of the projects whose places this process has.

    Args:
        journal: the truth; a unit's state has no label, the events in its records do.
        count: how many places the cluster has.
        places: those that are loaded here, or are being loaded, by number.
        secret: keys the draw, so that nobody can tell a gold unit by how long its copy is open.
    """

    def __init__(self, journal: Journal, count: int, places: Mapping[int, Place], secret: bytes) -> None:
        self._journal = journal
        self._count = count
        self._places = places
        self._secret = secret

    def open_for_us(self, project_id: str, annotation_id: str) -> int:
        """Return for how long a label may be revised whose unit is never resolved: as if it were one that is.

        Gold or not, it is drawn of every label, so that it takes the same time.
        """
        place = self._places.get(place_of(slot_of_project(project_id), self._count))
        delays = place.view(project_id).delays if place is not None else Delays()
        drawn = keyed_digest(self._secret, "revisable", annotation_id)
        return delays.quantile_us(int.from_bytes(drawn[:DRAW_BYTES]) / float(1 << 8 * DRAW_BYTES))

    async def label_of(self, key: str, assignment: Assignment) -> tuple[bytes, str] | None:
        """Return an annotator's last word on a unit: its canonical label and flag; None where it is kept no more.

        Args:
            key: the aggregate that decides on it.
            assignment: as it stands.
        """
        for document in await self._journal.store.find(JOURNAL.name, "aggregate", [key]):
            for outgoing in events_of(document):
                if outgoing.topic != ANNOTATIONS.name:
                    continue
                event = cast("AnnotationEvent", decode(ANNOTATIONS, outgoing.value))
                word = _word(event)
                if word is not None and word.annotation_id == assignment.id and _number(word) == assignment.revision:
                    return word.label, word.flag
        return None


def _word(event: AnnotationEvent) -> AnnotationSubmitted | AnnotationRevised | None:
    if event.HasField("annotation_submitted"):
        return event.annotation_submitted
    return event.annotation_revised if event.HasField("annotation_revised") else None


def _number(word: AnnotationSubmitted | AnnotationRevised) -> int:
    return word.revision if isinstance(word, AnnotationRevised) else 0
