"""What became of units that were sent, each by its position."""

from collections import Counter
from dataclasses import dataclass, field

from services.ingest.domain.admission import UnitRefused
from services.ingest.domain.identity import Place, UnitState, differing
from services.ingest.domain.staffing import Caution
from services.ingest.handlers.checking import Candidate


@dataclass(slots=True)
class Admission:
    """What became of a batch of units.

    Attributes:
        places, refused: by position in the batch; every position is in one of the two, up to `later`.
        cautions: of units that are in, with their positions.
        later: the position from which on nothing was taken or answered, for the project has as many open units as it
            allows; None: all were.
        replaced: how much personal data of each kind was replaced in them.
    """

    places: dict[int, Place] = field(default_factory=dict)
    cautions: list[tuple[int, Caution]] = field(default_factory=list)
    refused: dict[int, UnitRefused] = field(default_factory=dict)
    later: int | None = None
    replaced: Counter[str] = field(default_factory=Counter)

    def cut(self) -> None:
        """Say nothing of what comes later."""
        if (end := self.later) is not None:
            self.places = {position: place for position, place in self.places.items() if position < end}
            self.refused = {position: refusal for position, refusal in self.refused.items() if position < end}

    def answer(self, candidate: Candidate, known: UnitState, *, admitted: bool = False) -> None:
        """Say what became of a unit that is known now: the same as what was sent, or other.

        Args:
            candidate: as it was sent.
            known: as it stands.
            admitted: whether it was this candidate that was inserted, so that it says what was sent.
        """
        if known.erased_at_us:
            cure = "send what is new under a new id; what was withdrawn does not come back"
            self.refused[candidate.position] = UnitRefused("id", "was withdrawn", cure)
        elif not admitted and (other := differing(known, candidate.unit)) is not None:
            self.refused[candidate.position] = _said_otherwise(other, known)
        elif known.duplicate_of:
            self.places[candidate.position] = Place("duplicate_of", known)
        else:
            self.places[candidate.position] = Place("admitted" if admitted else "repeated", known)

    def admitted(self) -> list[UnitState]:
        """Return the units that are in, those that were before, too."""
        return [place.unit for place in self.places.values() if place.status in ("admitted", "repeated")]


def _said_otherwise(field: str, known: UnitState) -> UnitRefused:
    standing = "is a duplicate" if known.duplicate_of else "was admitted"
    return UnitRefused(
        field, f"differs: {known.source_id!r} {standing} with another", "send what is new under a new id"
    )
