"""What of the guide is made from code is what the code makes, and what it shows is what is taken."""

import importlib.util
import json
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
import yaml

from concord.chassis.broker.port import Incoming
from concord.contracts.topics import CLIENTS, INTAKE, TOPICS
from concord.labels import KINDS, schema_from
from concord.labels.examples import EXAMPLES, schema_example
from services.ingest import intake
from tests.architecture.project import ROOT


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = reference()


@pytest.mark.parametrize("page", MADE.PAGES)
def test_a_page_is_what_the_code_makes_of_it(page: str) -> None:
    assert (ROOT / page).read_text() == MADE.PAGES[page](), f"run .venv/bin/python docs/reference.py for {page}"


def test_of_every_field_of_a_definition_it_is_said_what_it_means_and_of_no_other() -> None:
    there = {name for name, _, _ in MADE.fields()}
    assert set(MADE.POLICY) <= there <= set(MADE.POLICY) | set(MADE.meant())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_label_has_an_example_that_fits(kind: str) -> None:
    schema = schema_from(schema_example(kind))
    assert schema.kind == kind
    label = schema.canonical(EXAMPLES[kind].label)
    assert schema.distance(label, label) == 0


def test_the_document_of_topics_refers_to_what_is_there() -> None:
    document = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
    assert {channel["address"] for channel in document["channels"].values()} == {topic.name for topic in TOPICS}
    for reference in _references(document):
        if reference.startswith("#/"):
            at: Any = document
            for part in reference.removeprefix("#/").split("/"):
                at = at[part]
        else:
            assert (ROOT / "docs" / reference).is_file()
    senders = [name for name, entry in document["operations"].items() if entry["action"] == "send"]
    assert senders == [f"{MADE._name(topic)}_sent_by_clients" for topic in TOPICS if topic.writer == CLIENTS]


def _references(part: Any) -> Any:
    if isinstance(part, dict):
        for name, entry in part.items():
            if name == "$ref":
                yield entry
            else:
                yield from _references(entry)
    elif isinstance(part, list):
        for entry in part:
            yield from _references(entry)


def test_the_intakes_example_is_a_unit_to_ingest() -> None:
    document = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
    (example,) = document["components"]["messages"]["intake"]["examples"]
    headers = tuple((name, value.encode()) for name, value in example["headers"].items())
    value = json.dumps(example["payload"]).encode()
    at = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    event = intake.cloud_event(Incoming(INTAKE.name, 0, 0, b"", value, headers, at))
    assert (intake.project_of(event), intake.wish_of(event).id) == ("acme-spam", "m4")
