"""Rules of pace and skips: who broke them is given nothing new, nobody else is, and clicking through is found."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from simulation.evidence import Evidence
from simulation.notebook import Notebook
from simulation.wishes import CONDUCT

FOLLOWS_US = 10_000_000
"""A claim may be under way while somebody is stopped, and a place in two hands for a moment."""
FLOOR_MS = round(CONDUCT["pace"]["floor_seconds"] * 1_000)
HASTY, LAST, IN_A_ROW = CONDUCT["pace"]["hasty"], CONDUCT["pace"]["last"], CONDUCT["skips"]["in_a_row"]
SKIPPED = -1
FOR_EVER = 2**62

Changes = dict[tuple[str, str], list[Any]]
Deeds = dict[tuple[str, str], list[tuple[int, int]]]


def rules_of_conduct_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Whoever is stopped broke the rule, and is given nothing until it is over; who does nothing else is stopped."""
    changes: Changes = defaultdict(list)
    for event in sorted(evidence.events("conduct_changed"), key=lambda event: event.metadata.occurred_at_us):
        changes[event.metadata.project_id, event.content.annotator_id].append(event)
    deeds = _deeds(evidence)
    ruled = {name for name, rows in notebook.definitions.items() if all("pace" in row["policy"] for row in rows)}
    for place, events in changes.items():
        for event in events:
            # A clock that was put back says of what came before that it is still to come.
            until_us = FOR_EVER if notebook.clocks_jumped else event.metadata.occurred_at_us + FOLLOWS_US
            if event.content.begins and not _broke(deeds[place], event, until_us):
                yield f"{place[1]} was stopped in {place[0]} for {event.content.reason!r}, which they did not do"
    for (project_id, annotator_id), done in deeds.items():
        labels = [ms for _, ms in done if ms != SKIPPED][: 2 * LAST]
        clicked = len(labels) == 2 * LAST and all(0 < ms < FLOOR_MS for ms in labels)
        if project_id in ruled and clicked and not changes[project_id, annotator_id]:
            yield f"{annotator_id} clicked through {len(labels)} units of {project_id}, and nothing came of it"
    if not notebook.clocks_jumped:
        yield from _given_while_stopped(changes, evidence)
        yield from _known_to_whoever_is_asked(changes, notebook)
    yield from _appeals_are_answered(changes, evidence)


def _appeals_are_answered(changes: Changes, evidence: Evidence) -> Iterator[str]:
    """Yield who answered twice to one thing, was ruled on unasked or twice, or was held to what was upheld, or not."""
    begun = {
        (place, event.content.rule, event.metadata.occurred_at_us)
        for place, events in changes.items()
        for event in events
        if event.content.begins
    }
    appeals, rulings = (
        Counter(_about(event) for event in evidence.events(kind))
        for kind in ("conduct_appealed", "conduct_appeal_ruled")
    )
    for about, times in appeals.items():
        if about not in begun:
            yield f"{about} was appealed, and never began"
        if times > 1:
            yield f"{about} was appealed {times} times"
    for about, times in rulings.items():
        if times > appeals[about]:
            yield f"{about} was ruled on {times} times, and appealed {appeals[about]} times"
    for event in evidence.events("conduct_appeal_ruled"):
        place = event.metadata.project_id, event.content.annotator_id
        over = [
            change
            for change in changes[place]
            if change.metadata.causation_id == event.metadata.causation_id and not change.content.begins
        ]
        upheld = event.content.outcome == "upheld"
        if [change.content.rule for change in over] != ([event.content.rule] if upheld else []):
            yield f"an appeal of {place[1]} in {place[0]} is {event.content.outcome}, and {len(over)} rules ended by it"


def _about(event: Any) -> tuple[tuple[str, str], str, int]:
    content = event.content
    return (event.metadata.project_id, content.annotator_id), content.rule, content.since_us


def _deeds(evidence: Evidence) -> Deeds:
    """Return what people did in each project, in order: when, and the active time told, or a skip of their own."""
    deeds: Deeds = defaultdict(list)
    for event in evidence.events("annotation_submitted"):
        if not event.content.by_model:
            place = event.metadata.project_id, event.content.annotator_id
            deeds[place].append((event.metadata.occurred_at_us, event.content.active_ms))
    for event in evidence.events("unit_skipped"):
        if event.content.code not in ("payload_broken", "guideline_unclear"):
            deeds[event.metadata.project_id, event.content.annotator_id].append(
                (event.metadata.occurred_at_us, SKIPPED)
            )
    for done in deeds.values():
        done.sort()
    return deeds


def _broke(done: list[tuple[int, int]], event: Any, until_us: int) -> bool:
    """Return whether somebody did as often what they were stopped for; a time that was not told may be any."""
    before = [ms for at_us, ms in done if at_us <= until_us]
    if event.content.rule == "skips":
        return bool(before.count(SKIPPED) >= IN_A_ROW)
    return bool(sum(0 <= ms < FLOOR_MS for ms in before) >= HASTY)


def _known_to_whoever_is_asked(changes: Changes, notebook: Notebook) -> Iterator[str]:
    """Yield where a lead who asks is not told of somebody who is paused, by what was told of when that was."""
    for (project_id, annotator_id), events in changes.items():
        for rule in ("pace", "skips"):
            of_rule = [event for event in events if event.content.rule == rule and event.content.then == "pause"]
            for begun, over in zip(of_rule, [*of_rule[1:], None], strict=False):
                if not begun.content.begins:
                    continue
                since_us = begun.metadata.occurred_at_us + FOLLOWS_US
                end_us = over.metadata.occurred_at_us if over is not None else FOR_EVER
                if any(
                    (annotator_id, rule) not in paused.people
                    for paused in notebook.paused
                    if paused.project_id == project_id and since_us < paused.from_us and paused.until_us < end_us
                ):
                    yield f"{annotator_id} is paused in {project_id} by {rule}, and the lead was not told so"


def _given_while_stopped(changes: Changes, evidence: Evidence) -> Iterator[str]:
    """Yield who was given a unit while they were stopped by what was told, by the clocks of those who told it."""
    issued: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in evidence.events("assignment_issued"):
        place = event.metadata.project_id, event.content.annotator_id
        issued[place].append(event.metadata.occurred_at_us)
    for place, events in changes.items():
        for rule in ("pace", "skips"):
            of_rule = [event for event in events if event.content.rule == rule]
            for begun, over in zip(of_rule, [*of_rule[1:], None], strict=False):
                if not begun.content.begins:
                    continue
                end_us = begun.content.until_us or (over.metadata.occurred_at_us if over is not None else FOR_EVER)
                if over is not None:
                    end_us = min(end_us, over.metadata.occurred_at_us)
                since_us = begun.metadata.occurred_at_us + FOLLOWS_US
                if given := [at_us for at_us in issued[place] if since_us < at_us < end_us]:
                    yield f"{place[1]} was given {len(given)} units of {place[0]} while they were stopped by {rule}"
