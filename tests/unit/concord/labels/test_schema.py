import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import concord
from concord.labels import KINDS, Json, LabelFault, Vote, schema_from
from concord.labels.choice import Choice
from concord.labels.schema import Merged


def test_a_project_of_choices_loads_no_geometry() -> None:
    program = (
        "import sys; from concord.labels import schema_from; schema_from({'kind': 'choice', 'classes': ['a', 'b']});"
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
    }
    wanted = {"rating": ["lowest", "highest"], "number": ["low", "high"], "ranking": ["items"]}
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
