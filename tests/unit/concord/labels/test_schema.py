import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import concord
from concord.labels import KINDS, Json, LabelFault, SchemaFault, Vote, schema_from
from concord.labels.choice import Choice
from concord.labels.schema import Merged

PLAIN = {"kind": "choice", "classes": ["a", "b"]}


@pytest.mark.parametrize(
    "spec", [PLAIN, {"kind": "form", "fields": [{"name": "a", "schema": PLAIN}]}], ids=["one", "form"]
)
def test_a_project_of_choices_loads_no_geometry(spec: dict[str, Json]) -> None:
    program = (
        "import sys; from concord.labels import schema_from; from concord.labels.form import fields_of;"
        f"fields_of(schema_from({spec}));"
        "print([each for each in ('numpy', 'scipy', 'shapely', 'rapidfuzz') if each in sys.modules])"
    )
    root = Path(concord.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_kind_names_itself() -> None:
    least: dict[str, Json] = {
        "classes": ["a", "b"],
        "items": ["a", "b"],
        "lowest": 1,
        "highest": 5,
        "low": 0,
        "high": 1,
        "nodes": [{"id": "a"}, {"id": "b"}],
        "fields": [{"name": "a", "schema": {"kind": "text"}}],
    }
    wanted = {
        "rating": ["lowest", "highest"],
        "number": ["low", "high"],
        "ranking": ["items"],
        "taxonomy": ["nodes"],
        "form": ["fields"],
    }
    for kind in KINDS:
        fields = wanted.get(kind, [] if kind in {"preference", "text"} else ["classes"])
        assert schema_from({"kind": kind, **{field: least[field] for field in fields}}).kind == kind


def test_a_fault_travels_between_processes() -> None:
    fault = LabelFault("$.spans[2].end", "3 is out of range", "send an integer from 4 to 9")
    again = pickle.loads(pickle.dumps(fault))
    assert str(again) == str(fault) == "$.spans[2].end: 3 is out of range; send an integer from 4 to 9"
    assert (again.path, again.problem, again.cure) == (fault.path, fault.problem, fault.cure)


def test_support_is_a_share() -> None:
    with pytest.raises(ValueError, match="share"):
        Merged("yes", 1.5, "too sure")


def test_schemas_and_votes_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Vote("yes").weight = 2.0  # type: ignore[misc]  # frozen
    with pytest.raises(AttributeError):
        Choice(("a", "b")).classes = ("c", "d")  # type: ignore[misc]  # frozen


@pytest.mark.parametrize(
    "name",
    [
        "oui\u00a0!",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f52c",
        "\u5927\u3000\u5c0f",
    ],
)
def test_a_class_name_may_have_the_blanks_and_joiners_of_its_script(name: str) -> None:
    schema = schema_from({"kind": "choice", "classes": [name, "no"]})
    assert schema.canonical(name) == name


@pytest.mark.parametrize(
    "name", ["a\u202eb", "a\u2066b", "a\u200fb", "a\u0000b", "a\nb", "a\u2028b", "a\ufeffb", "\u00a0a", ""]
)
def test_a_class_name_without_what_cannot_be_seen(name: str) -> None:
    with pytest.raises(SchemaFault, match="use printable text"):
        schema_from({"kind": "choice", "classes": [name, "no"]})
