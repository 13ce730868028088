"""What adjudicate's routes reach, and how they show labels and units."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import msgspec
from fastapi import Request

from concord.chassis.clock import MICROSECONDS
from concord.chassis.payload_links import payload_link
from concord.chassis.places.gather import Gather
from concord.chassis.projects import Project
from concord.labels import Json
from services.adjudicate.domain.unit import Annotation, UnitState
from services.adjudicate.handlers import Handlers
from services.adjudicate.schemas import Referral, ReferralTo, Side
from services.adjudicate.settings import AdjudicateSettings


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach: the use cases, settings of payload links, chance for the order of sides, the others."""

    handlers: Handlers
    settings: AdjudicateSettings
    generator: random.Random
    gather: Gather

    def link(self, unit_id: str) -> str:
        """Return a link to a unit's payload that holds for a while."""
        links = self.settings.payload_links
        until_us = self.handlers.clock.now_us() + links.seconds * MICROSECONDS
        return payload_link(links.keys[0], links.ingest_url, unit_id, until_us)


def door_of(request: Request) -> Door:
    """Return what a request's route reaches."""
    return cast("Door", request.app.state.service)


def label_in(text: str) -> Json:
    """Return the label in a canonical JSON text; None in an empty one."""
    return cast("Json", msgspec.json.decode(text)) if text else None


def sides_with_places(door: Door, project: Project, unit: UnitState) -> tuple[list[Side], dict[int, int]]:
    """Return what a unit's labels say, in random order, and on which of these sides each label is, by its place."""
    return _sides(door, project, unit.counted())


def referrals_of(door: Door, project: Project, unit: UnitState) -> list[Referral]:
    """Return how often a unit was sent back to annotators, and what its labels had said by then."""
    found = []
    for number, referral in enumerate(unit.referrals):
        given = [each for each in unit.set_aside() if each.referral == number and each.label]
        sides, _ = _sides(door, project, given)
        to: ReferralTo = "same" if referral.names else "others"
        found.append(Referral(referral.comment, to, timestamp(referral.at_us), sides))
    return found


def _sides(door: Door, project: Project, given: Sequence[Annotation]) -> tuple[list[Side], dict[int, int]]:
    labels = [project.read_text(annotation.label) for annotation in given]
    flags: dict[str, list[str]] = defaultdict(list)
    for annotation, text in zip(given, labels, strict=True):
        if annotation.flag:
            flags[text].append(annotation.flag)
    counts = [*Counter(labels).items()]
    door.generator.shuffle(counts)
    side_of = {text: side for side, (text, _) in enumerate(counts)}
    sides = [Side(label_in(text), count, flags[text]) for text, count in counts]
    return sides, {place: side_of[text] for place, text in enumerate(labels)}


def timestamp(at_us: int) -> str:
    """Return a time as bodies tell it: RFC 3339, UTC."""
    return datetime.fromtimestamp(at_us / MICROSECONDS, UTC).isoformat().replace("+00:00", "Z")
