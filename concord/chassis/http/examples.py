"""Examples of bodies and answers, made of their schemas: by what a field is called, and else by what it may hold."""

from collections.abc import Mapping
from typing import Any

from concord.labels.examples import EXAMPLES, schema_example

LABEL = "A label of the project's kind: `label_schema` says which."
SCHEMA = "What a label is: a `kind` and what belongs to it."
WORDS: Mapping[str, tuple[str, list[Any]]] = {
    "label": (LABEL, [example.label for example in EXAMPLES.values()]),
    "leading_label": (LABEL, ["spam"]),
    "known_label": (LABEL, ["spam"]),
    "given_label": (LABEL, ["ham"]),
    "model_label": (LABEL, ["ham"]),
    "accepted_label": (LABEL, ["spam"]),
    "decided": (LABEL, ["spam"]),
    "gold": ("The known label of a unit that measures annotators; annotators never see it.", ["spam"]),
    "answer": ("What was said in one field of a form; null where it was left out, or not asked.", ["yes"]),
    "label_schema": (SCHEMA, [schema_example(kind) for kind in EXAMPLES]),
    "content": (
        'What is to be labelled: a text, a JSON object or list, or {"uri": ...} for what lies elsewhere.',
        ["You have won a prize.", {"text": "You have won a prize."}, {"uri": "https://media.example.org/1.png"}],
    ),
    "region": (
        "A region as it stands in a label of spans, boxes or polygons.",
        [{"left": 4.0, "top": 2.0, "right": 90.0, "bottom": 60.0, "class": "car"}],
    ),
    "draft": ("What there is of a label: any JSON, as whoever saved it has it.", [{"text": "half a thou"}]),
    "before": ("What stood there.", [2]),
    "after": ("What stands there now.", [3]),
}
"""Fields that hold any JSON: what it is, and examples."""
NAMED: Mapping[str, Any] = {
    "project_id": "acme-spam",
    "unit_id": "acme-utb3diakbnd24hv7zx7pkwvxteqww",
    "lot_id": "acme-ltbcgfp2hkuamltjwsiiqg74fwcdz",
    "assignment_id": "acme-atb3diakbnd24hv7zx7pkwvxteqww",
    "annotation_id": "acme-atb3diakbnd24hv7zx7pkwvxteqww",
    "import_id": "acme-itb3diakbnd24hv7zx7pkwvxteqww",
    "annotator_id": "ann-1",
    "source_id": "m4",
    "id": "m4",
    "ids": ["m4", "m5"],
    "name": "Spam or not",
    "guideline": "Spam is what nobody asked for.",
    "reason": "The office asked for it.",
    "media_type": "text/plain",
    "payload_url": "https://ingest.example.org/v1/payloads/acme-utb3diakbnd24hv7zx7pkwvxteqww?expires=1800000000&signature=ab",
    "skills": ["de"],
    "languages": ["en"],
    "annotators": ["ann-1"],
    "vendor": "Words & Co",
    "domain": "law",
    "flag": "the text is cut off",
    "classes": ["ham", "spam"],
    "model": "classifier-7",
    "stratum": "newsletters",
    "subject": "customer-17",
    "seed": "2026",
    "field": "policy.overlap.initial",
    "problem": "is 0",
    "cure": "send a number from 1 to 100",
    "sha256": "0" * 64,
    "certificate_sha256": "0" * 64,
    "blocks": ["0" * 64],
    "plan": "sequential",
    "quotas": {"newsletters": 100},
    "treatments": {"email": "mask"},
    "names": ["Ada Lovelace"],
    "regions": ["CH"],
    "format": "csv",
    "active_ms": 1_500,
    "confidence": 0.97,
    "low": 0.01,
    "high": 0.05,
    "value": 0.02,
    "next": "acme-spam",
}
"""What fields are like, by their names, where their schema allows it."""
TIME = "2026-11-27T09:30:00.000Z"
TIMES = ("at", "since", "until", "begin", "end")


def example_of(schema: Any, name: str = "", *, required_only: bool = False) -> Any:
    """Return something that fits a schema.

    Args:
        schema: of OpenAPI 3.1, without references.
        name: of the field that it is the schema of.
        required_only: whether fields that may be left out are, as one who sends something would.
    """
    given = schema.get("examples") or ([schema["example"]] if "example" in schema else [])
    if given:
        return given[0]
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kinds = [entry for entry in (*schema.get("anyOf", ()), *schema.get("oneOf", ())) if entry.get("type") != "null"]
    if kinds:
        return example_of(kinds[0], name, required_only=required_only)
    if name in NAMED and _fits(NAMED[name], schema):
        return NAMED[name]
    return _by_type(schema, name, required_only=required_only)


def _fits(value: Any, schema: Any) -> bool:
    """Return whether a value is of a schema's type, and a list's first item of its items'."""
    kinds: Mapping[str, Any] = {
        "string": str, "integer": int, "number": (int, float), "array": list, "object": dict, "boolean": bool,
    }  # fmt: skip
    kind = schema.get("type")
    if kind not in kinds or not isinstance(value, kinds[kind]):
        return False
    return not isinstance(value, list) or _fits(value[0], schema.get("items", {}))


def _by_type(schema: Any, name: str, *, required_only: bool) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, name, required_only=required_only)
        case "array":
            return [example_of(schema["items"], name, required_only=required_only)] if schema.get("items") else []
        case "integer" | "number":
            return schema.get("minimum", schema.get("default") or 0)
        case "boolean":
            return schema.get("default", False)
        case "string":
            dated = name.rsplit("_", 1)[-1] in TIMES or schema.get("format") == "date-time"
            return TIME if dated else str(schema.get("default") or name.replace("_", " ") or "text")
    return None


def _object(schema: Any, name: str, *, required_only: bool) -> dict[str, Any]:
    wanted = schema.get("required", ()) if required_only else schema.get("properties", {})
    found = {entry: example_of(schema["properties"][entry], entry, required_only=required_only) for entry in wanted}
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and not found:
        return {name or "key": example_of(more, required_only=required_only)}
    return found


def tell(schema: Any, name: str = "") -> None:
    """Say in place of every field that holds any JSON what it is, with examples."""
    if not isinstance(schema, dict):
        return
    if name in WORDS and not schema.keys() & {"type", "anyOf", "oneOf", "$ref", "enum", "const", "properties"}:
        schema["description"], schema["examples"] = WORDS[name]
    if name == "label_schema":
        schema["description"], schema["examples"] = WORDS[name]
    for inner, entry in schema.get("properties", {}).items():
        tell(entry, inner)
    tell(schema.get("items"), name)
    tell(schema.get("additionalProperties"), name)
    for entry in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        tell(entry, name)
