"""Who sees what: nobody is told what is not theirs."""

import json
import re
from collections.abc import Iterator
from typing import Any

from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS
from simulation.clients import UNSEEN_NAME
from simulation.evidence import Evidence
from simulation.notebook import Notebook

OFFER_FIELDS = {
    "assignment_id",
    "unit_id",
    "payload_url",
    "media_type",
    "lease_until",
    "guideline_version",
    "label_schema",
    "schema_version",
    "draft_revision",
    "order",
}
REPLY_FIELDS = OFFER_FIELDS | {"assignments", "reason", "results", "status", "annotation_id", "error"}
REPLY_FIELDS |= {
    "low",
    "high",
    "tolerance",
    "field",
    "problem",
    "cure",
    "kind",
    "classes",
    "type",
    "title",
    "detail",
    "instance",
    "errors",
}
REPLY_FIELDS |= {"fields", "name", "schema", "required", "when", "is", "has", "lowest", "highest"}
REPLY_FIELDS |= {"nodes", "id", "parent", "inner"}
REPLY_FIELDS |= {"next", "why", "code", "skills", "ended_at", "until"}
REPLY_FIELDS |= {"annotator_id", "state", "state_reason", "state_until", "credentials", "domain", "holds", "expires_at"}
REPLY_FIELDS |= {"languages", "leases", "projects", "more_projects", "project_id", "waiting", "priority", "due_at"}
REPLY_FIELDS |= {"notice", "comment", "earlier"}
REPLY_FIELDS |= {"submitted_at", "revision", "revisable", "label", "flag", "too_late_from"}
GONE = 410
WORDS_NO_ANNOTATOR_READS = (UNSEEN_NAME, "gold")


def annotators_see_nothing_they_may_not(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No reply to an annotator holds a gold mark, a label of another, or a client's name; no event of theirs either."""
    names = {submitted.annotator_id for submitted in notebook.submitted}
    for annotator_id, reply in notebook.replies:
        text = reply.decode()
        for word in (*WORDS_NO_ANNOTATOR_READS, *(f'"{name}"' for name in names - {annotator_id})):
            if word in text:
                yield f"a reply to {annotator_id} holds {word!r}: {text}"
        if extra := set(_fields(json.loads(text))) - REPLY_FIELDS:
            yield f"a reply to {annotator_id} has the fields {sorted(extra)}"
    for topic in (ASSIGNMENTS, ANNOTATIONS):
        for record in evidence.records[topic.name]:
            if b"gold" in record.value or UNSEEN_NAME.encode() in record.value:
                yield f"a record of {topic.name} tells what no annotator may know"


def nobody_sees_another_client(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No reply to somebody who is bound to a client holds the id of anything of another, but what they asked by."""
    del evidence
    others = {project_id.partition("-")[0] for project_id in notebook.projects}
    anothers = {
        client_id: re.compile(rf"\b(?:{'|'.join(sorted(others - {client_id}))})-\w[\w-]*")
        for client_id in sorted(others)
    }
    for heard in notebook.heard:
        found = (
            set(anothers[heard.client_id].findall(heard.body.decode(errors="replace")))
            if others - {heard.client_id}
            else ()
        )
        if strange := sorted(name for name in found if name not in heard.path):
            yield f"a reply to {heard.name} of {heard.client_id}, from {heard.path}, holds {strange[:3]}"


def what_is_in_can_be_opened(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Ingest hands over what a unit says to who has its link, unless it is erased, which its client wished.

    Gold that was made of a unit goes with that unit, and where its label does not stand.
    """
    dropped = {event.content.unit_id for event in evidence.events("gold_dropped")}
    made_of = {event.content.unit_id: event.content.gold_of for event in evidence.events("unit_admitted")}
    for unit_id, name, status in notebook.unopened:
        erased = unit_id in notebook.erased or made_of.get(unit_id) in notebook.erased | dropped
        if status != GONE or not erased:
            yield f"{name} could not open {unit_id}: {status}"


def _fields(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            # A label that is shown is one's own, which whoever is shown it sees to.
            yield from _fields(inner) if name != "label" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner)
