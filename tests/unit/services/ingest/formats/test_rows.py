"""What cells of files say, whatever the file's format."""

import pytest

from concord.chassis.errors import Invalid
from concord.labels import schema_from
from services.ingest.formats.rows import label_from

RANKING = schema_from({"kind": "ranking", "items": ["a", "b"]})


def test_a_label_of_json_in_a_cell_is_read() -> None:
    assert label_from(RANKING, "gold", '["b", "a"]') == ["b", "a"]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [("[" * 700 + "]" * 700, "nested more than 32"), ("[" * 33 + "]" * 33, "nested more than 32"), ("{", "no JSON")],
)
def test_a_cell_that_is_no_label_is_refused_with_its_field(cell: str, problem: str) -> None:
    with pytest.raises(Invalid, match=f"gold: is {problem}"):
        label_from(RANKING, "gold", cell)
