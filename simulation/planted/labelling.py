"""Planted where units are labelled, weighed and judged, and where it is told how that went."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from concord.labels.number import Number
from concord.quality.label_error import leaving_error_rate
from concord.quality.stopping_law import Bounds
from services.adjudicate.domain import revising
from services.adjudicate.domain import unit as adjudicated
from services.assign.domain import appeals
from services.assign.domain.models import Part
from services.assign.domain.queue import Pick, Seeker
from services.assign.domain.rules import ConductState, Rule, Rules
from services.assign.handlers.claims import Claims
from services.assign.handlers.drafting import Drafting
from services.assign.repository.conducts import CONDUCT
from services.assign.repository.drafts import Drafts
from services.audit.domain import lot
from services.audit.domain import unit as inspected
from services.metrics.domain.standing import Standing
from simulation.bounds import DESK_LEASES_MAX

ROOM = 10 * DESK_LEASES_MAX


@contextmanager
def leases_hold_no_slot() -> Iterator[None]:
    """Give a unit to as many as ask before the first label is in."""
    with patch("services.assign.domain.overlap.HOLDING", frozenset({"submitted"})):
        yield


@contextmanager
def desks_without_an_end() -> Iterator[None]:
    """Count what an annotator holds, and look at the count of a moment ago."""
    with (
        patch.dict("simulation.bounds.SMALL", dict.fromkeys(_DESK_BOUNDS, ROOM)),
    ):
        yield


@contextmanager
def drafts_outlive_their_leases() -> Iterator[None]:
    """Keep what somebody began to say after they have said it."""
    with patch("services.assign.repository.drafts.outlived", lambda *_: False):
        yield


@contextmanager
def drafts_of_anybody() -> Iterator[None]:
    """Show a draft to whoever knows its assignment."""
    honest = Drafting._held

    async def held(self: Drafting, annotator_id: str, assignment_id: str) -> Any:
        key = (await self.repository.keys_of([assignment_id]))[assignment_id]
        state = (await self.repository.units([key])).get(key) if key is not None else None
        assignment = state.assignment(assignment_id) if state is not None else None
        return await honest(self, annotator_id if assignment is None else assignment.annotator_id, assignment_id)

    with patch.object(Drafting, "_held", held):
        yield


@contextmanager
def the_last_draft_wins() -> Iterator[None]:
    """Save a draft over one that its page has not seen."""
    with patch("services.assign.repository.drafts.next_revision", lambda newest, _: newest + 1):
        yield


@contextmanager
def the_first_draft_is_shown() -> Iterator[None]:
    """Keep a draft as it was saved first, and say of every later one that it is kept."""
    honest = Drafts.save

    async def save(self: Drafts, assignment_id: str, state: Any, key: str, draft: Any) -> int:
        return 1 if draft.revision else await honest(self, assignment_id, state, key, draft)

    with patch.object(Drafts, "save", save):
        yield


@contextmanager
def what_was_set_aside_counts() -> Iterator[None]:
    """Weigh all labels of a rework, those among them that an adjudicator set aside."""

    def counted(self: adjudicated.UnitState) -> tuple[adjudicated.Annotation, ...]:
        return tuple(given for given in self.annotations if given.rework == self.rework)

    with patch.object(adjudicated.UnitState, "counted", counted):
        yield


@contextmanager
def models_are_people() -> Iterator[None]:
    """Let a model's label take any place of a unit's overlap, whatever its project says."""

    def part_of(kind: str, counted: str, humans_min: int) -> Part:
        del counted, humans_min
        return Part(kind == "model")

    with patch("services.assign.handlers.claims.part_of", part_of):
        yield


@contextmanager
def who_is_stopped_is_forgotten() -> Iterator[None]:
    """Keep who is stopped by a rule in memory: the next process knows nothing of it until they do something."""
    with patch.object(CONDUCT, "is_open", lambda _: False):
        yield


@contextmanager
def an_appeal_is_made_again() -> Iterator[None]:
    """Take every answer to what is held against somebody, also a second and one after the word on the first."""
    before = appeals.appealed

    def appealed(state: ConductState | None, rule: Rule, rules: Rules, reason: str, now_us: int) -> ConductState | None:
        if state is not None:
            open_held = tuple(msgspec.structs.replace(held, appeal=None) for held in state.held)
            state = msgspec.structs.replace(state, held=open_held)
        return before(state, rule, rules, reason, now_us)

    with patch.object(appeals, "appealed", appealed):
        yield


_DESK_BOUNDS = ("services.assign.domain.desk.LEASES_MAX", "services.assign.handlers.desks.LEASES_MAX")


@contextmanager
def exposures_by_process() -> Iterator[None]:
    """Count in each process how many annotators have met a gold unit, and begin anew with each life."""

    async def expose(self: Claims, picks: Sequence[Pick], keys: Sequence[str], seeker: Seeker) -> frozenset[str]:
        # A process counts for itself: what was said of the unit before stands in no memory of its own.
        counted: dict[str, set[str]] = self.__dict__.setdefault("_counted", {})
        refused = set()
        for pick, key in zip(picks, keys, strict=True):
            if pick.gold and (most := seeker.bounds.exposures_max):
                names = counted.setdefault(pick.unit_id, set()) | {seeker.annotator_id}
                if len(names) > most:
                    refused.add(key)
                else:
                    counted[pick.unit_id] = names
        return frozenset(refused)

    with patch.object(Claims, "_expose", expose):
        yield


@contextmanager
def a_wait_for_ever() -> Iterator[None]:
    """Wait for the labels that today's policy wants of a unit, and ask nobody for them."""
    honest = adjudicated._asked

    def silent(state: adjudicated.UnitState, wanted: int) -> adjudicated.Judged:
        return honest(state, wanted) if state.decided_round else adjudicated.Judged(state, "recorded")

    with patch.object(adjudicated, "_asked", silent):
        yield


@contextmanager
def first_label_wins() -> Iterator[None]:
    """Be certain of what the first annotator said."""

    def chances(labels: Sequence[tuple[str, int]], crowd: Any, settled: Any = None) -> list[float]:
        del settled
        return [float(place == labels[0][1]) for place in range(crowd.classes)]

    with patch("services.adjudicate.domain.consensus.class_chances", chances):
        yield


@contextmanager
def late_revisions_vanish() -> Iterator[None]:
    """Pass over what was revised too late without a word."""
    honest = revising.revised

    def silent(*asked: Any, **more: Any) -> Any:
        found = honest(*asked, **more)
        return None if isinstance(found, revising.TooLate) else found

    with patch("services.adjudicate.handlers.revising.revised", silent):
        yield


@contextmanager
def first_words_stand() -> Iterator[None]:
    """Leave a label as it came in, whatever its annotator says of it later."""
    honest = revising.revised

    def deaf(state: adjudicated.UnitState | None, *asked: Any, **more: Any) -> Any:
        found = honest(state, *asked, **more)
        return found if isinstance(found, revising.TooLate) or state is None or not state.annotations else None

    with patch("services.adjudicate.handlers.revising.revised", deaf):
        yield


@contextmanager
def revisions_are_more_labels() -> Iterator[None]:
    """Count a revised label beside the one that it is to replace."""
    honest = revising.revised

    def beside(state: adjudicated.UnitState | None, *asked: Any, **more: Any) -> Any:
        found = honest(state, *asked, **more)
        if state is None or not isinstance(found, adjudicated.Judged) or found.state.status in adjudicated.RESOLVED:
            return found
        both = *state.annotations, asked[2]
        return found._replace(state=msgspec.structs.replace(found.state, annotations=both))

    with patch("services.adjudicate.handlers.revising.revised", beside):
        yield


@contextmanager
def overconfident() -> Iterator[None]:
    """Be far surer of the majority than it is right: take each annotator for nearly infallible."""

    def chances(labels: Sequence[tuple[str, int]], crowd: Any, settled: Any = None) -> list[float]:
        del settled
        votes = [sum(index == place for _, index in labels) for place in range(crowd.classes)]
        best = max(votes)
        leaders = votes.count(best)
        return [0.99 / leaders if vote == best else 0.01 / max(1, crowd.classes - leaders) for vote in votes]

    with patch("services.adjudicate.domain.consensus.class_chances", chances):
        yield


@contextmanager
def accepted_after_two() -> Iterator[None]:
    """Accept a lot once two of its units were looked at."""
    honest = Bounds.decide

    def decide(self: Bounds, inspected: int, errors: int) -> str:
        return "accept" if inspected >= 2 else honest(self, inspected, errors)

    with patch.object(Bounds, "decide", decide):
        yield


@contextmanager
def errors_left_out() -> Iterator[None]:
    """Claim of what leaves as if no error had been found."""

    def flattering(inspection: Any, confidence: float = 0.95, **more: Any) -> Any:
        clean = dataclasses.replace(inspection, errors=0)
        return leaving_error_rate(clean, confidence, **more)

    with patch("services.audit.domain.acceptance.leaving_error_rate", flattering):
        yield


@contextmanager
def auditors_never_err() -> Iterator[None]:
    """Claim of what leaves what auditors found, whatever their repeats say of them."""
    with patch("services.audit.domain.acceptance.with_auditor_error", lambda leaving, *_: leaving):
        yield


@contextmanager
def sameness_by_bytes() -> Iterator[None]:
    """Call two numbers different that differ by less than their schema's tolerance."""
    with patch.object(Number, "says_same", lambda *labels: labels[-2] == labels[-1]):
        yield


@contextmanager
def alpha_of_all_labels() -> Iterator[None]:
    """Measure agreement on the labels that were asked for because the first disagreed, too."""
    with patch("services.audit.domain.certificate.first_asked", lambda labels, *_: list(labels)):
        yield


@contextmanager
def gold_is_always_right() -> Iterator[None]:
    """Count every answer to a gold unit as right."""
    with patch.object(Standing, "gold_correct", lambda self, *_: self.gold_units):
        yield


@contextmanager
def erased_leaves() -> Iterator[None]:
    """Wipe no unit that has its label, and tell no accepted lot of one: what was certified is handed over as it was."""
    of_lot, of_unit = lot.withdrawn, inspected.withdrawn

    def lot_without(state: lot.LotState | None, *more: Any) -> lot.LotState | None:
        return None if state is not None and state.status == "accepted" else of_lot(state, *more)

    def unit_wiped(state: inspected.UnitState | None, *more: Any) -> inspected.UnitState:
        return state if state is not None and state.label else of_unit(state, *more)

    with patch.object(lot, "withdrawn", lot_without), patch.object(inspected, "withdrawn", unit_wiped):
        yield
