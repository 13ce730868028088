"""What people wrote is printed as they wrote it: brackets are no markup, and colons no emoji."""

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

import cli
from cli import imports, lineage, lots, recount, session, verify, watch
from concord.client.ledger import Lineage
from concord.client.models import Import, Lot, Quality
from services.audit.domain.verification import Verified

TYPED = "[bold]x[/bold] [email] [/] :warning:"
HERE = Path(cli.__file__).parent


def filled(kind: Any) -> Any:  # noqa: PLR0911 - one line for each kind of type
    """Return something of a type in which every text is TYPED."""
    info = msgspec.inspect.type_info(kind) if not isinstance(kind, msgspec.inspect.Type) else kind
    match info:
        case msgspec.inspect.StrType():
            return TYPED
        case msgspec.inspect.StructType():
            return {field.encode_name: filled(field.type) for field in info.fields}
        case msgspec.inspect.ListType():
            return [filled(info.item_type)]
        case msgspec.inspect.UnionType():
            return filled(next(entry for entry in info.types if not isinstance(entry, msgspec.inspect.NoneType)))
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return 1
        case msgspec.inspect.BoolType():
            return True
        case _:
            return {}


def of(kind: type[Any]) -> Any:
    return msgspec.convert(filled(kind), kind)


def inspected_lineage() -> Lineage:
    entry = {"entry": 1, "at": TYPED, "what": "reidentified", "by": TYPED, "how": TYPED, "kinds": {}, "reason": TYPED}
    content: Lineage = msgspec.structs.replace(of(Lineage), entries=[entry])
    return content


def signed() -> Verified:
    rate = {"value": None, "low": None, "high": None}
    lot = {"lot_id": "l", "units": 1, "inspected": 1, "errors_found": 0, "annotators": TYPED,
           "label_error_rate": rate, "agreement": rate}  # fmt: skip
    key = {"algorithm": "Ed25519", "public_key": "k", "kid": "k"}
    return Verified({"project_id": TYPED, "issued_at": "now", "key": key, "lots": [lot]}, True, 0)


SHOWN: dict[str, Any] = {
    "a table": lambda: session.show_table((TYPED,), [(TYPED,)]),
    "lineage": lambda: lineage._show(inspected_lineage()),
    "recount": lambda: recount._show([{"figure": TYPED, "live": 1.0, "recounted": None, "same": False}]),
    "verify": lambda: verify._show(signed()),
    "watch": lambda: session.console().print(watch.shown(of(Quality), [of(Lot)])),
    "import": lambda: imports._show(of(Import), 0, seal=False),
    "lots": lambda: session.show_table(lots.COLUMNS, lots.rows([of(Lot)])),
}


@pytest.mark.parametrize("verb", SHOWN)
def test_what_people_wrote_is_printed_as_they_wrote_it(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(session, "PLAIN_COLUMNS", 1000)
    SHOWN[verb]()
    text = capsys.readouterr().out
    assert TYPED in text, text


def test_where_one_label_prevails_a_look_says_that_kappa_misleads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PLAIN_COLUMNS", 1000)
    quality = msgspec.structs.replace(of(Quality), prevalence_note="kappa misleads")
    session.console().print(watch.shown(quality, []))
    looked = capsys.readouterr().out
    assert "kappa misleads" in looked
    assert "Gwet's AC1" in looked


def test_no_id_is_cut_off_however_narrow_a_table_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a table shows of a lot or a letter is what the next command takes."""
    monkeypatch.setattr(session, "PLAIN_COLUMNS", 40)
    session.show_table(("id", "why"), [("b0c87d92-3d23-5afb-8d7f-2f7f3a0f7a11", "no CloudEvent with JSON data")])
    left = "".join(line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines() if "│" in line)
    assert left == "b0c87d92-3d23-5afb-8d7f-2f7f3a0f7a11"


def test_no_verb_prints_by_a_console_of_its_own() -> None:
    """There is one console, which knows no markup; a bar's columns know it unless told."""
    found = []
    for file in sorted(HERE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            knows = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if name == "Console" and file.name != "session.py":
                found.append(f"{file.name}:{node.lineno} makes a console; take cli.session.console")
            if (name == "TextColumn" and knows.get("markup") != "False") or name == "from_markup":
                found.append(f"{file.name}:{node.lineno} reads markup")
            if knows.get("markup") == "True" or knows.get("emoji") == "True":
                found.append(f"{file.name}:{node.lineno} reads markup")
    assert not found
