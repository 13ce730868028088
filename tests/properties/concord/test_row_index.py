"""Where fresh units stand, against a dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from concord.row_index import SIZE_MIN, RowIndex

steps = st.lists(st.tuples(st.sampled_from(["put", "move", "die"]), st.integers(0, 40)), max_size=40)


@given(steps, st.integers(1, 900))
def test_an_index_of_rows_is_a_dictionary_and_forgets_only_what_was_in_pages_that_are_gone(
    history: list[tuple[str, int]], rows: int
) -> None:
    dead: set[int] = set()
    index = RowIndex(lambda page: page not in dead)
    model: dict[str, int] = {}
    for page, (step, number) in enumerate(history):
        match step:
            case "put":
                new = [f"c1-u{page}-{row}" for row in range(rows)]
                index.put(new, page)
                model |= dict.fromkeys(new, page)
            case "move" if model:
                unit_id = list(model)[number % len(model)]
                if index.find(unit_id) is not None:
                    index.move(unit_id, page)
                    model[unit_id] = page
            case _:
                dead.add(number)
    for unit_id, page in model.items():
        found = index.find(unit_id)
        assert found == page or (found is None and page in dead)
    assert index.find("c1-unobody") is None
    assert index.size_bytes <= 12 * max(SIZE_MIN, 4 * (len(model) + rows)), "flat: bytes a unit, and no object each"
