"""Units on their way in: none lost, none twice, none that was refused."""

import json
from collections import defaultdict
from collections.abc import Iterator

from concord.chassis.sealing import LocalKeys, Sealer
from concord.contracts.ids import client_of
from concord.contracts.topics import INTAKE
from services.ingest.settings import IngestSettings
from simulation.evidence import Evidence, RecordedEvent
from simulation.house import ENVIRONMENT
from simulation.notebook import Notebook
from simulation.wishes import canonical

OVER = ("consensus_reached", "adjudicated", "unit_erased")
"""Events after which a unit is not open any more."""


def admissions_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every unit that was acknowledged is in, once, as it was acknowledged; what was left out is not."""
    admitted, duplicates = evidence.by_id("unit_admitted", "unit_id"), evidence.by_id("unit_duplicated", "unit_id")
    for unit_id, events in [*admitted.items(), *duplicates.items()]:
        if len(events) > 1 or (unit_id in admitted and unit_id in duplicates):
            yield f"unit {unit_id} was admitted or told as a duplicate more than once"
    for unit_id, events in admitted.items():
        yield from _admitted_as_sent(events[0], notebook)
        if unit_id in notebook.left_out:
            yield f"unit {unit_id} was left out by sampling and admitted all the same"
    for entry in notebook.admitted:
        where = f"{entry.source_id} of {entry.project_id} was acknowledged as {entry.unit_id}"
        if entry.status == "left_out":
            continue
        events = (duplicates if entry.status == "duplicate_of" else admitted).get(entry.unit_id, [])
        if not events:
            yield f"{where} ({entry.status}) and is not in"
        elif events[0].content.source_id != entry.source_id:
            yield f"{where}, which is another's"
        elif entry.status == "duplicate_of" and events[0].content.duplicate_of != entry.duplicate_of:
            first = events[0].content.duplicate_of
            yield f"{where}, a duplicate of {entry.duplicate_of}, and is told as one of {first}"
    yield from _contents_are_kept(notebook, evidence)


def open_units_are_counted(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Of projects that bound their open units those are counted that are in and not settled, each once."""
    over = {event.content.unit_id for kind in OVER for event in evidence.events(kind)}
    open_units = {
        event.content.unit_id
        for event in evidence.events("unit_admitted")
        if notebook.projects[event.metadata.project_id]["policy"]["max_open_units"]
        and not event.content.HasField("gold_label")
    } - over
    counted = [unit["unit_id"] for unit in evidence.documents["ingest", "open_units"]]
    if sorted(open_units) != sorted(counted):
        yield f"{sorted(open_units)} are open, and {sorted(counted)} are counted as that"
    if waiting := evidence.documents["ingest", "waiting"]:
        yield f"{len(waiting)} records of the intake wait although there is room"


def _contents_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Each admitted unit has the content that was acknowledged; one content is one unit where that is wished."""
    stored = _stored(evidence)
    # Gold that was made of a unit goes when that one's label does not stand.
    dropped = {event.content.unit_id for event in evidence.events("gold_dropped")}
    yield from _nothing_else_is_kept(evidence)
    units: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for unit in evidence.events("unit_admitted"):
        unit_id, project_id = unit.content.unit_id, unit.metadata.project_id
        content = stored.get(unit_id)
        if content is None:
            if unit_id not in notebook.erased and unit.content.gold_of not in notebook.erased | dropped:
                yield f"unit {unit_id} was admitted and its content is gone"
        elif not _was_sent(unit, content, notebook):
            yield f"unit {unit_id} ({unit.content.source_id}) has a content that was not sent under its name: {content}"
        else:
            units[project_id, content, unit.content.HasField("gold_label")].append(unit_id)
    for admitted in notebook.admitted:
        if (
            admitted.status in ("admitted", "repeated")
            and stored.get(admitted.unit_id, admitted.content) != admitted.content
        ):
            yield f"{admitted.source_id} of {admitted.project_id} was acknowledged with another content than it has"
    for (project_id, content, _), unit_ids in units.items():
        if len(unit_ids) > 1 and notebook.projects[project_id]["policy"]["dedupe"] == "content":
            yield f"one content of {project_id} was admitted as {unit_ids}: {content}"
    yield from _duplicates_say_the_same(notebook, evidence, stored)


def _stored(evidence: Evidence) -> dict[str, str]:
    """Return what the store has of what admitted units say, by their ids."""
    sealer = Sealer(LocalKeys(IngestSettings.from_environment(ENVIRONMENT).payload_keys.secret.key()))
    kept = {entry["_id"]: entry["content"] for entry in evidence.documents["ingest", "units"] if "content" in entry}
    admitted = [event.content for event in evidence.events("unit_admitted") if event.content.unit_id in kept]
    places = {unit.unit_id: f"{unit.unit_id}/{unit.fingerprint}" for unit in admitted}
    return {
        unit_id: canonical(json.loads(sealer.open(client_of(unit_id), kept[unit_id], place)))
        for unit_id, place in places.items()
    }


def _nothing_else_is_kept(evidence: Evidence) -> Iterator[str]:
    """Each content in the store is that of a unit of which the others were told, and which is not erased."""
    kept = {entry["_id"] for entry in evidence.documents["ingest", "units"] if "content" in entry}
    if unknown := sorted(kept - {event.content.unit_id for event in evidence.events("unit_admitted")}):
        yield f"the store has what {unknown} say, of which nobody was told"
    if left := sorted(kept & {event.content.unit_id for event in evidence.events("unit_erased")}):
        yield f"{left} are erased, and the store has what they said"


def _duplicates_say_the_same(notebook: Notebook, evidence: Evidence, stored: dict[str, str]) -> Iterator[str]:
    admitted = {event.content.unit_id for event in evidence.events("unit_admitted")}
    for event in evidence.events("unit_duplicated"):
        where = f"unit {event.content.unit_id} is told as a duplicate of {event.content.duplicate_of}"
        if event.content.duplicate_of not in admitted:
            yield f"{where}, which is not in"
        elif (content := stored.get(event.content.duplicate_of)) is not None and not _was_sent(
            event, content, notebook
        ):
            yield f"{where}, which says other"


def _was_sent(entry: RecordedEvent, content: str, notebook: Notebook) -> bool:
    sent = notebook.units.get((entry.metadata.project_id, entry.content.source_id), [])
    return content in {canonical(each.content) for each in sent}


def the_intake_is_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What was published to the intake is admitted once or set aside, and what was refused is not admitted."""
    by_name: dict[tuple[str, str], list[RecordedEvent]] = defaultdict(list)
    for kind in ("unit_admitted", "unit_duplicated"):
        for event in evidence.events(kind):
            if kind == "unit_admitted" and event.content.gold_of:
                continue  # it was made of the unit of that name
            by_name[event.metadata.project_id, event.content.source_id].append(event)
    for project_id, source_id in sorted(notebook.published):
        wishes = by_name[project_id, source_id]
        rate = notebook.projects[project_id]["policy"]["sampling"]["rate"]
        if len(wishes) > 1 or (not wishes and rate == 1.0):
            yield f"{source_id} of {project_id} was published to the intake and is admitted {len(wishes)} times"
    letters = [entry.content for entry in evidence.events("dead_letter")]
    set_aside = {letter.value for letter in letters if letter.topic == INTAKE.name}
    for value in notebook.poison:
        if value not in set_aside:
            yield f"a record that cannot be taken is in no dead letter: {value!r}"
    for project_id, source_id in sorted(notebook.unwanted):
        if by_name[project_id, source_id]:
            yield f"{source_id} of {project_id} was refused and is admitted"


def _admitted_as_sent(entry: RecordedEvent, notebook: Notebook) -> Iterator[str]:
    sent = notebook.units.get((entry.metadata.project_id, entry.content.source_id), [])
    if not sent:
        yield f"unit {entry.content.unit_id} ({entry.content.source_id}) was admitted and never sent"
        return
    if entry.content.gold_of:
        return  # what it must be is `gold_is_made_by_a_persons_word`'s
    gold = json.loads(entry.content.gold_label) if entry.content.HasField("gold_label") else None
    wording = notebook.wordings.get(entry.metadata.project_id)
    known = [unit.truth for unit in sent if unit.known]
    if gold is None:
        holds = len(known) < len(sent)
    else:
        holds = any(wording.says_true(gold, true) if wording is not None else gold == true for true in known)
    if not holds:
        yield f"unit {entry.content.unit_id} was admitted with the known label {gold!r}"


def gold_is_made_by_a_persons_word(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Gold of resolved units is what somebody chose, under that label, and nobody's who had a part in it."""
    chosen = {event.content.unit_id: event.content for event in evidence.events("gold_chosen")}
    confirmed = {entry.unit_id for entry in notebook.chosen if entry.outcome == "confirmed"}
    made: dict[str, str] = {}
    for event in evidence.events("unit_admitted"):
        source = event.content.gold_of
        if not source:
            continue
        made[event.content.unit_id] = source
        if source not in chosen or source not in confirmed:
            yield f"gold {event.content.unit_id} was made of {source}, which nobody chose"
        elif event.content.gold_label != chosen[source].label:
            yield f"gold {event.content.unit_id} has another known label than {source} was chosen with"
    for entry in evidence.events("assignment_issued"):
        source = made.get(entry.content.unit_id, "")
        if source in chosen and entry.content.annotator_id in chosen[source].not_for:
            yield f"{entry.content.annotator_id} had a part in {source} and is given the gold that was made of it"


def only_poison_is_set_aside(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No dead letter holds what could have been served; what was erased and is sent again cannot be."""
    poison = set(notebook.poison)
    erased = {name.encode() for _, name in notebook.erased_names}
    for event in evidence.events("dead_letter"):
        letter = event.content
        if letter.value not in poison and not ("was withdrawn" in letter.reason and letter.key in erased):
            yield (
                f"{letter.service} set {letter.topic}[{letter.partition}]@{letter.offset} aside: "
                f"{letter.error}: {letter.reason}"
            )
