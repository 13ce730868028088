"""What of the guide is made from code is what the code makes, and what it shows is what is taken."""

import ast
import importlib.util
import json
from collections.abc import Iterator
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
from tests.integration.observability.instruments import everything


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = reference()
LIBRARYS_OWN = {"process_virtual_memory_bytes"}
"""Shown by the library with the others of a process, and of no use where memory is what is resident."""


@pytest.mark.parametrize("page", MADE.PAGES)
def test_a_page_is_what_the_code_makes_of_it(page: str) -> None:
    assert (ROOT / page).read_text() == MADE.PAGES[page](), f"run .venv/bin/python docs/reference.py for {page}"


def instruments_in(module: ast.Module) -> Iterator[str]:
    """Yield the names of the instruments that a module declares, in place or by a constant of its own."""
    constants = {
        ast.unparse(target): node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Instrument":
            name = node.args[0]
            yield str(name.value if isinstance(name, ast.Constant) else constants[ast.unparse(name)])


def test_every_instrument_that_is_declared_anywhere_is_among_those_that_are_told() -> None:
    files = [path for package in ("concord", "services", "workbench") for path in (ROOT / package).rglob("*.py")]
    declared = {name for path in files for name in instruments_in(ast.parse(path.read_text()))}
    assert len(declared) > 100
    assert declared <= {line.name for line in everything()}


def test_every_series_is_looked_at_by_an_alert_or_on_a_board() -> None:
    unseen = {name for name, users in MADE.series.users().items() if not users.alerts and not users.panels}
    assert unseen == LIBRARYS_OWN
    text = (ROOT / "docs/series.md").read_text()
    for line in everything():
        row = f"| `{MADE.series.shown_as(line)}` | {line.kind} |"
        assert sum(line.startswith(row) for line in text.splitlines()) == 1


def test_a_unit_is_told_of_what_is_there() -> None:
    names = {line.name for line in everything()}
    assert MADE.series.OTHER_UNITS.keys() <= names
    units = {line.name: MADE.series.unit(line) for line in everything()}
    assert units["concord_http_request_seconds"] == units["process_cpu_seconds"] == "seconds"
    assert units["concord_labelled_timestamp_seconds"] == units["process_start_time_seconds"] == "seconds since 1970"
    assert units["concord_agreement_alpha_high"] == "alpha, at most 1"
    assert units["concord_assign_leases"] == "count"


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
