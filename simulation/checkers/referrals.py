"""Units that adjudicators sent back to annotators: who was asked then, how often, and which labels came to count."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from simulation.checkers.labels import Place, place_of
from simulation.checkers.leaving import SETTLING
from simulation.evidence import Evidence, RecordedEvent
from simulation.notebook import Notebook

REFERRALS_MAX = 2


def referrals_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every referral that was acknowledged is told once, in turn and twice at most, and asks whom it says."""
    events = list(evidence.events("referred_back"))
    referrals = {place_of(event): event for event in events}
    if len(referrals) != len(events):
        yield "a unit was referred back twice for the same time"
    for unit_id, rework, number in referrals:
        if number > REFERRALS_MAX or (number > 1 and (unit_id, rework, number - 1) not in referrals):
            yield f"unit {unit_id} was referred back for the {number}th time in rework {rework}"
    known = Counter((event.content.unit_id, event.content.adjudicator_id, event.content.to) for event in events)
    for event in evidence.events("ruling_repeated"):
        if event.content.outcome == "refer_back":
            known.update((event.content.unit_id, event.content.adjudicator_id, to) for to in ("same", "others"))
    for wish in notebook.referred:
        if not known[wish]:
            yield f"{wish.adjudicator_id} sent {wish.unit_id} back to {wish.to}, which was acknowledged and is lost"
    yield from _whom_it_says_is_asked(evidence, referrals)
    yield from _what_was_set_aside_does_not_count(evidence)


def _whom_it_says_is_asked(evidence: Evidence, referrals: dict[Place, RecordedEvent]) -> Iterator[str]:
    counted = [event for event in evidence.events("annotation_submitted") if not event.content.late]
    gave: defaultdict[Place, set[str]] = defaultdict(set)
    for event in counted:
        gave[place_of(event)].add(event.content.annotator_id)
    for (unit_id, rework, number), event in referrals.items():
        now, names = gave[unit_id, rework, number], set(event.content.annotators)
        before: set[str] = set().union(*(gave[unit_id, rework, earlier] for earlier in range(number)))
        wrong = now - names if names else now & before
        if names - before or wrong or event.content.adjudicator_id in now | before:
            to = f"{sorted(names) or 'others'} by {event.content.adjudicator_id}"
            yield f"unit {unit_id} was sent back to {to}, and {sorted(now)} labelled it"


def _what_was_set_aside_does_not_count(evidence: Evidence) -> Iterator[str]:
    """A resolution rests on what was said since the last referral, and tells all of this rework that was before it."""
    late = {event.content.annotation_id for event in evidence.events("annotation_submitted") if event.content.late}
    given: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for event in evidence.events("annotation_submitted"):
        if event.content.annotation_id not in late:
            given[event.content.unit_id, event.content.rework][event.content.annotation_id] = event.content.referral
    for event in evidence.said:
        if event.kind not in SETTLING:
            continue
        times, of_unit = len(event.content.referrals), given[event.content.unit_id, event.content.rework]
        if any(of_unit.get(piece.annotation_id, times) != times for piece in event.content.evidence):
            yield f"the {event.kind} of {event.content.unit_id} rests on a label that was set aside"
        aside = {piece.annotation_id for piece in event.content.set_aside}
        if aside != {annotation_id for annotation_id, number in of_unit.items() if number < times}:
            yield f"the {event.kind} of {event.content.unit_id} tells {sorted(aside)} as set aside, and not all of it"
