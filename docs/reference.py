"""Writes the pages of the guide that are made from code: kinds of labels, fields of policies and units, the topics.

.venv/bin/python docs/reference.py

A test holds what is committed against what this makes.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import series  # noqa: E402 - the same

from concord.chassis.http.documented import schema_of  # noqa: E402 - found by the line above
from concord.chassis.http.examples import example_of, tell  # noqa: E402 - the same
from concord.contracts.topics import CLIENTS, TOPICS, Topic  # noqa: E402 - the same
from concord.labels import KINDS, schema_from  # noqa: E402 - the same
from concord.labels.examples import EXAMPLES, schema_example  # noqa: E402 - the same
from services.ingest.domain.admission import UnitWish  # noqa: E402 - the same
from services.ingest.domain.defining import definition_faults  # noqa: E402 - the same
from services.ingest.domain.project import Definition  # noqa: E402 - the same
from services.ingest.intake import ATTRIBUTES, SOURCE, TYPE  # noqa: E402 - the same

MADE = "<!-- Made by docs/reference.py; change what it is made from. -->"
PROTO = ROOT / "proto/concord/contracts/v1"
VERSION = "1.0.0"

POLICY: Mapping[str, str] = {
    "label_schema": "What a label is. Once units are in, its classes change by a mapping: see schemas.md.",
    "name": "For people.",
    "guideline": "Markdown; a changed text is a new version, and each label tells under which it was given.",
    "guideline_examples": "Contents with the label that is right, and why: shown with the guideline.",
    "policy.guideline.acknowledge": "Whether each version is to be acknowledged before units are given under it.",
    "policy.overlap.initial": "Independent labels asked for at first. The greatest part of what a unit costs.",
    "policy.overlap.max": "At most so many; what is not settled then goes to a ruling.",
    "policy.consensus.method": "posterior weighs each annotator by what is known of them; majority counts heads.",
    "policy.consensus.confidence": "When a unit is settled. Higher: more labels and rulings, fewer errors.",
    "policy.consensus.wrong_at_most": "The same from the other side; say one of the two.",
    "policy.consensus.repeat_rulings": "Share of rulings given blind to a second adjudicator, too, who measures the first. Costs a ruling each; the first one stands.",
    "policy.consensus.learn": "What is learnt of annotators beside hidden gold. gold: nothing, and a unit's outcome hangs on no other.",
    "policy.consensus.prices": "What a label, a ruling and an error cost: then labels are asked for as long as they are worth it.",
    "policy.consensus.prices.label": "Of a label more.",
    "policy.consensus.prices.decision": "Of a ruling.",
    "policy.consensus.prices.error": "Of a wrong label that leaves.",
    "policy.gold.rate": "Share of hidden gold in the work: paid for, and not labelled anew. Without it competence is unknown.",
    "policy.gold.qualify": "Who is given gold alone until shown to be good enough: nobody, everybody once, or under each version of the guideline.",
    "policy.gold.qualify_units_max": "Gold units after which somebody who has not shown it has failed.",
    "policy.gold.doubts": "Whether a known label that most good annotators disagree with holds against nobody until a person has ruled. Costs a ruling each; false where known labels are beyond doubt.",
    "policy.gold.retrain_units": "Gold units missed that somebody who failed, or fell below the bar, is shown with the right answers before trying again. They know those from then on: it takes more gold. 0: the operator lets them.",
    "policy.gold.attempts_max": "How often somebody may fail in a row and still try again by that way.",
    "policy.gold.candidate_labels_min": "Units with at least so many labels, all alike, are shown to a lead as candidates for known labels, beside what was ruled. 0: only what was ruled.",
    "policy.gold.candidate_confidence_min": "And settled with at least this confidence.",
    "policy.gold.exposures_max": "Annotators to whom a gold unit is shown at most: what many have met is talked about. Costs a record each, and sending a label and being given the next is two steps. 0: no bound.",
    "policy.gold.stale_days": "Days after which a gold unit is stale, and shown no more. 0: no bound.",
    "policy.gold.stale_with_guideline": "Whether gold that came in under an older version of the guideline is stale: its known label may be right no more.",
    "policy.gold.pass_accuracy": "Accuracy that the lower bound of a newcomer's must reach.",
    "policy.sampling.rate": "Share of what is sent that is labelled.",
    "policy.sampling.seed": "Another seed draws other units.",
    "policy.sampling.quotas": "How many of each stratum are taken, in the order in which they come.",
    "policy.sampling.uncertainty_min": "Units of which the client's model is surer than that are left out.",
    "policy.sampling.uncertain_first": "Units of which the model is less sure go first.",
    "policy.suggestions.hidden_rate": "Share of units whose suggestion nobody sees: without it, what showing does is unknown.",
    "policy.privacy.treatments": "By kind of personal data: mask or pseudonym.",
    "policy.privacy.names": "Names that are replaced; kept as keyed hashes.",
    "policy.privacy.regions": "For telephone numbers without a country's prefix.",
    "policy.privacy.reidentification": "What the role privacy may ask of a unit: nothing (none); whether a value it has is behind a pseudonym (compare); the originals, too (sealed), which are then kept, sealed, until the unit is erased.",
    "policy.lot.size": "Units judged together. Larger: fewer checks a unit, more to be done again after a rejection.",
    "policy.lot.seal_after_seconds": "A lot that is not full is cut after so long.",
    "policy.audit.plan": "sequential stops as soon as the evidence is enough; single has a fixed sample; iso_2859_1 has that standard's, and switches; fraction is a share that is inspected to its end: up to c = aql times the sample, rounded down, may be wrong (18 at .01: none), and neither risk is held.",
    "policy.audit.level": "Of ISO 2859-1, Table 1: III has larger samples, I and S-1 to S-4 smaller ones.",
    "policy.audit.reduction": "Whether inspection by ISO 2859-1 may be reduced: its client must have agreed.",
    "policy.audit.fraction": "Share that is checked, by the plan fraction.",
    "policy.audit.aql": "Share of errors at which a lot is still to be accepted, but for alpha.",
    "policy.audit.ltpd": "Share of errors at which a lot is to be rejected, but for beta. Closer to aql: far more checks.",
    "policy.audit.alpha": "Risk that a good lot is rejected.",
    "policy.audit.beta": "Risk that a bad lot is accepted.",
    "policy.audit.on_reject": "relabel: all of the lot anew; inspect_all: an auditor looks at every unit.",
    "policy.audit.rejections_max": "How often a lot is labelled anew; rejected once more, it is inspected whole.",
    "policy.audit.recheck_units": "Units that have left and are inspected once more, blind, when drift is detected; 0: none.",
    "policy.audit.recheck_pause_hours": "From one such recheck to the next.",
    "policy.audit.repeat_inspections": "Share of inspections that a second auditor repeats blind, beside all that found a wrong label: what they come to is in the interval of the label error rate. Costs an audit each; needs two auditors. 0: none.",
    "policy.audit.radius_units": "Where annotators are at fault for a rejected lot, so many units of theirs are inspected of each other lot before it may be accepted, and all where one is wrong. 0: no lot is held.",
    "policy.audit.radius_recheck_share": "Of their units in lots that were accepted before, so many are inspected once more as show with 95 % that no such share of them is wrong (59 of many at 0.05), and up to 500 where one is wrong. 0: none by itself.",
    "policy.lease.seconds": "How long a unit is held; 0: three times the 95th percentile of the project's active time, 120 s at least.",
    "policy.lease.renewals_max": "How often a lease may be prolonged.",
    "policy.fatigue.breaks": "Whether tired people are asked for a break.",
    "policy.fatigue.false_alarm_units": "Units between two false alarms of somebody who is steady.",
    "policy.fatigue.break_seconds": "How long a break is.",
    "policy.fatigue.session_minutes_max": "After so long a break is due.",
    "policy.caps.units_per_day": "Units a day, by UTC, that one annotator is given; 0: no bound.",
    "policy.caps.hours_per_day": "Hours of active time a day of one annotator; what is held then may be finished. 0: no bound.",
    "policy.caps.units": "Units of the project that one annotator is given in all; 0: no bound.",
    "policy.priority": "Of the project's units against others'; higher goes first.",
    "policy.models.counted": "What an annotator of kind model is. never: its labels take no place of a unit's overlap; they are kept and measured. in_overlap: they take one, are weighed by what is known of the model, and save a person's.",
    "policy.models.humans_min": "At least so many people's labels are among those that settle a unit: models leave them room, and alone settle nothing. 0: models may.",
    "policy.pace.floor_seconds": "A label that took less active time is hasty. 0: no such floor.",
    "policy.pace.floor_share": "Likewise, as a share of a median of active times; of two floors the higher one holds. 0: none; without a floor there is no rule.",
    "policy.pace.floor_of": "Whose median: of all who label the project, or their own, once ten labels of theirs are known.",
    "policy.pace.hasty": "So many hasty labels of the last so many are too many.",
    "policy.pace.last": "Of how many labels.",
    "policy.pace.then": "What comes of it. note: the annotator and the lead are told. confirm: a hasty label takes a second yes, until half as many are hasty. break: nothing new for a while. pause: nothing new until a lead lets them go on.",
    "policy.pace.break_seconds": "How long a break is.",
    "policy.skips.in_a_row": "So many skips in a row are too many; those for which the unit or the guideline is to blame are not counted. 0: no such rule.",
    "policy.skips.share": "So large a share of the last units skipped is too much. 0: no such rule.",
    "policy.skips.last": "Of how many units.",
    "policy.skips.then": "What comes of it: as for pace.",
    "policy.skips.break_seconds": "How long a break is.",
    "policy.max_open_units": "Units that may be in and not settled; what is sent beyond is told to come later. Gold is not "
    "counted, nor what came in without a bound. 0: no bound.",
    "policy.deadline_seconds": "From a unit's coming in to its being labelled.",
    "policy.dedupe": "content: the first unit stands for all of its content; id: each is labelled.",
    "targets.alpha": "Krippendorff's alpha, at least.",
    "targets.label_error_rate": "Of what leaves, at most.",
    "targets.audit_pass_rate": "Of verdicts on lots, the share that let them leave, at least; one rejected and then inspected whole has both.",
    "targets.turnaround_p95_seconds": "From a unit's coming in to the acceptance of its lot, for 95 of 100 units, at most.",
}
"""What fields of a definition mean and cost; of those that are not here, what the code says of them stands there."""


def labels() -> str:
    """Return the page of label kinds."""
    lines = [MADE, "# Kinds of labels", "", "`label_schema` of a project says which kind its labels are. A label that does not fit it is refused with its path and the cure.", ""]  # fmt: skip
    lines += ["| kind | a schema | a label | how far two are apart | how several become one |", "|---|---|---|---|---|"]
    for kind in KINDS:
        cells = (kind, f"`{_json(schema_example(kind))}`", f"`{_json(EXAMPLES[kind].label)}`", *_said_of(kind))
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Coordinates are pixels from the upper left corner of the picture as it is shown; offsets are code points of the text, the end not included.", "", "Classes change while people label: [schemas.md](schemas.md).", "", "## Fields of each schema", ""]  # fmt: skip
    for kind in KINDS:
        lines += [f"### {kind}", "", *_docstring(type(schema_from(schema_example(kind))).__doc__ or ""), ""]
    return "\n".join(lines).rstrip() + "\n"


def _said_of(kind: str) -> tuple[str, str]:
    """Return what the code says of how far two labels of a kind are apart, and of how several become one."""
    schema = type(schema_from(schema_example(kind)))
    entry = ((getattr(schema, item).__doc__ or "").partition(".\n")[0] for item in ("distance", "merge"))
    distance, merge = (" ".join(item.split()).rstrip(".").removeprefix("Return ") for item in entry)
    return distance, merge


def _docstring(text: str) -> list[str]:
    """Return the sentences of a docstring, its examples left out."""
    found = []
    for line in _unindented(text).splitlines():
        if line.startswith(">>>"):
            break
        found.append(line)
    return "\n".join(found).strip().splitlines()


def _unindented(text: str) -> str:
    """Return a docstring without its indentation."""
    first, *rest = text.splitlines()
    return "\n".join([first, *(line.removeprefix("    ") for line in rest)])


def policy() -> str:
    """Return the page of a definition's fields."""
    lines = [MADE, "# What a project says", "", "`PUT /v1/projects/{slug}` takes these fields; what is left out has its default, and what is not known is refused.", ""]  # fmt: skip
    lines += ["| field | default | may be | what it means and costs |", "|---|---|---|---|"]
    for field, default, may in fields():
        lines.append(f"| `{field}` | {default} | {may} | {POLICY.get(field) or MEANT[field]} |")
    return "\n".join(lines) + "\n"


def meant() -> dict[str, str]:
    """Return what the code itself says of the fields of a definition: the attributes of each struct's docstring."""
    return dict(_meant(Definition, ""))


def _meant(kind: type, path: str) -> Iterator[tuple[str, str]]:
    entry = inspect.type_info(kind)
    assert isinstance(entry, inspect.StructType)
    content = _attributes(_unindented(kind.__doc__ or ""), indent=4)
    for field in entry.fields:
        if field.name in content:
            yield f"{path}{field.name}", content[field.name]
        if isinstance(field.type, inspect.StructType):
            yield from _meant(field.type.cls, f"{path}{field.name}.")


def fields() -> Iterator[tuple[str, str, str]]:
    """Yield every field of a definition with its default and what it may be."""
    yield from _fields(Definition, "")


def _fields(kind: type, path: str) -> Iterator[tuple[str, str, str]]:
    entry = inspect.type_info(kind)
    assert isinstance(entry, inspect.StructType)
    for field in entry.fields:
        name = f"{path}{field.name}"
        inner = field.type
        if isinstance(inner, inspect.UnionType):
            (inner,) = (part for part in inner.types if not isinstance(part, inspect.NoneType))
        if isinstance(inner, inspect.StructType):
            if name.endswith("prices"):
                yield name, "none", "an object"
            if name == "schema_change":
                yield name, "none", "an object: [schemas.md](schemas.md)"
                continue
            yield from _fields(inner.cls, f"{name}.")
            continue
        default = (
            "required"
            if field.default is inspect.NODEFAULT and field.default_factory is inspect.NODEFAULT
            else _default(field)
        )
        yield name, default, _may(name, inner)


def _default(entry: Any) -> str:
    value = entry.default_factory() if entry.default is inspect.NODEFAULT else entry.default
    return "none" if value in ("", None, {}, ()) else f"`{_json(value)}`"


def _may(name: str, kind: Any) -> str:
    match kind:
        case inspect.LiteralType():
            return " or ".join(f"`{value}`" for value in kind.values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return _range(name, whole=isinstance(kind, inspect.IntType))
        case inspect.StrType():
            return "a text"
        case inspect.DictType():
            return "an object"
    return "a list"


def _range(name: str, *, whole: bool) -> str:
    """Return what a number may be: asked of what refuses it."""
    entry: dict[str, Any] = {"label_schema": schema_example("choice")}
    at: dict[str, Any] = entry
    *path, last = name.split(".")
    for part in path:
        at = at.setdefault(part, {})
    if "prices" in path:
        at |= {"label": 1.0, "decision": 1.0, "error": 1.0}
    at[last] = -(10**9) if whole else -1e9
    for fault in definition_faults(msgspec.convert(entry, Definition)):
        if fault.field == name:
            return fault.cure.removeprefix("send ")
    return "a whole number" if whole else "a number"


def units() -> str:
    """Return the page of a unit's fields."""
    lines = [MADE, "# What a unit says", "", "One JSON object, a list of them, or one a line (`application/x-ndjson`). The same fields, but for `id`, are the data of a CloudEvent. Only `id` and `content` must be there.", ""]  # fmt: skip
    lines += ["| field | example | |", "|---|---|---|"]
    schema = schema_of(UnitWish)
    tell(schema)
    meanings = _attributes(UnitWish.__doc__ or "")
    for name, entry in schema["properties"].items():
        lines.append(f"| `{name}` | `{_json(example_of(entry, name))}` | {meanings[name]} |")
    return "\n".join(lines) + "\n"


def _attributes(text: str, indent: int = 8) -> dict[str, str]:
    """Return what a docstring says of each attribute."""
    found: dict[str, str] = {}
    name = ""
    for line in text.partition("Attributes:")[2].splitlines():
        if line.startswith(" " * indent) and not line.startswith(" " * (indent + 1)) and ":" in line:
            name, _, entry = line.strip().partition(": ")
            found[name] = entry
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def asyncapi() -> str:
    """Return the document of the topics, AsyncAPI 3."""
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Concord's topics",
            "version": VERSION,
            "description": "Clients write concord.intake.v1 and nothing else. Of all others one service is the writer; who "
            "operates Concord may read them. Every record carries W3C trace context in its headers. Made by "
            "docs/reference.py from the catalogue of topics and the contracts.",
        },
        "defaultContentType": "application/x-protobuf",
        "channels": {_name(topic): _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {"messages": {_name(topic): _message(topic) for topic in TOPICS}},
    }
    return "# Made by docs/reference.py; change what it is made from.\n" + yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, width=120
    )


def _name(topic: Topic) -> str:
    return topic.name.removeprefix("concord.").removesuffix(".v1").replace("-", "_")


def _channel(topic: Topic) -> dict[str, Any]:
    keeps = "compacted: the newest of each key" if topic.compacted else f"{topic.retention_seconds} s"
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Written by {topic.writer}, read by {', '.join(topic.readers) or 'who operates it'}. Kept: {keeps}.",
        "messages": {_name(topic): {"$ref": f"#/components/messages/{_name(topic)}"}},
        "bindings": {"kafka": {"topic": topic.name, **({"partitions": topic.fixed_partitions} if topic.fixed_partitions else {})}},
    }  # fmt: skip


def _operations(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{_name(topic)}"}
    if topic.writer == CLIENTS:
        yield f"{_name(topic)}_sent_by_clients", {"action": "send", "channel": channel}
    else:
        yield f"{_name(topic)}_read", {"action": "receive", "channel": channel}


def _message(topic: Topic) -> dict[str, Any]:
    if topic.message is None:
        return _intake()
    file = PROTO / f"{_name(topic)}.proto"
    return {
        "name": topic.message.DESCRIPTOR.full_name,
        "contentType": "application/x-protobuf",
        "payload": {
            "schemaFormat": "application/vnd.google.protobuf;version=3",
            "schema": {"$ref": f"../proto/concord/contracts/v1/{file.name}"},
        },
    }


def _intake() -> dict[str, Any]:
    data = schema_of(UnitWish)
    tell(data)
    del data["properties"]["id"]
    data["required"] = [entry for entry in data["required"] if entry != "id"]
    attributes: dict[str, Any] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Your own name of the unit."},
        "ce_source": {"type": "string", "pattern": f"^(.*)?{SOURCE}[^/?#]+$", "description": "The project."},
        "ce_type": {"const": TYPE},
        "ce_time": {"type": "string", "format": "date-time", "description": "Not read."},
        "content-type": {"const": "application/json"},
    }
    assert {f"ce_{attribute}" for attribute in ATTRIBUTES} < attributes.keys()
    headers = {"ce_specversion": "1.0", "ce_id": "m4", "ce_source": f"{SOURCE}acme-spam", "ce_type": TYPE, "content-type": "application/json"}  # fmt: skip
    return {
        "name": TYPE,
        "title": "A unit, as a CloudEvent 1.0 in binary mode of the Kafka binding; structured mode is taken, too",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": [*(f"ce_{attribute}" for attribute in ATTRIBUTES), "content-type"],
            "properties": attributes,
        },
        "payload": data,
        "examples": [{"headers": headers, "payload": {"content": "You have won a prize."}}],
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


MEANT = meant()
PAGES = {
    "docs/guide/labels.md": labels,
    "docs/guide/policy.md": policy,
    "docs/guide/units.md": units,
    "docs/asyncapi.yaml": asyncapi,
    "docs/series.md": partial(series.page, MADE),
}
"""What is made, by whom."""

if __name__ == "__main__":
    for name, made in PAGES.items():
        (ROOT / name).write_text(made())
        print(name)
