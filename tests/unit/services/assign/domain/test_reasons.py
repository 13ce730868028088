"""Why there is nothing for an annotator now."""

import pytest

from services.assign.domain.breaks import Break
from services.assign.domain.eligibility import AnnotatorState, Credential
from services.assign.domain.reasons import Why, why_nothing

NOW_US = 1_000
ANN = AnnotatorState("ann", skills=("de",), credentials=(Credential("law", 900), Credential("tax", 2_000)))


@pytest.mark.parametrize(
    ("waiting", "why"),
    [
        ([], Why("nothing_waits")),
        ([()], Why("had_all")),
        ([("fr",), ("de", "tax")], Why("had_all")),
        ([("fr",)], Why("lacks_skill", ("fr",))),
        ([("es", "fr", "it"), ("de", "fr")], Why("lacks_skill", ("fr",))),
        ([("law",)], Why("credential_lapsed", ("law",), 900)),
        ([("de", "law")], Why("credential_lapsed", ("law",), 900)),
        ([("fr", "law")], Why("lacks_skill", ("fr", "law"))),
    ],
)
def test_the_reason_is_told_with_what_is_missing(waiting: list[tuple[str, ...]], why: Why) -> None:
    assert why_nothing(ANN, waiting, NOW_US) == why


def test_who_is_on_a_break_is_told_until_when_and_nothing_else() -> None:
    on_break = Break(2_000, "You have worked for 90 minutes.")
    why = Why("on_break", until_us=2_000, detail="You have worked for 90 minutes.")
    assert why_nothing(ANN, [("fr",)], NOW_US, on_break) == why
