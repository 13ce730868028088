"""What annotators are able to do now."""

import pytest

from services.assign.domain.eligibility import AnnotatorState, Credential, abilities


@pytest.mark.parametrize(
    ("expires_at_us", "now_us", "held"),
    [(0, 1, False), (-1, 0, False), (0, -1, True), (5, 4, True), (5, 5, False), (None, 2**62, True)],
)
def test_a_credential_holds_until_its_end_whatever_the_end_is_and_for_good_only_without_one(
    expires_at_us: int | None, now_us: int, held: bool
) -> None:
    annotator = AnnotatorState("ann", credentials=(Credential("law", expires_at_us),))
    assert ("law" in abilities(annotator, now_us)) is held
