"""Whatever is sent as a credential, the answer is a caller or a refusal, never a fault of ours."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from concord.chassis.errors import Unauthenticated
from concord.chassis.identity import Caller, IdentityFile, Role, SigningKey, identity_of, mint_token, new_api_key
from tests.unit.concord.chassis.hand_clock import HandClock

CLOCK = HandClock()
NOW = int(CLOCK.seconds)
KEY = SigningKey.generate("one")
API_KEY, RECORD = new_api_key(b"pepper", [Role.CLIENT], NOW + 60, "k7q2")
TOKEN = mint_token(
    KEY, issuer="iss", audience="aud", subject="ann-1", roles=[Role.ANNOTATOR], now_seconds=NOW, lifetime_seconds=60
)
IDENTITY = identity_of(IdentityFile("iss", "aud", KEY.jwks(), api_keys=(RECORD,)), b"pepper", CLOCK)
GENUINE = {f"Bearer {API_KEY}", f"Bearer {TOKEN}"}


def believed(header: str) -> Caller | None:
    try:
        return asyncio.run(IDENTITY.caller(header))
    except Unauthenticated:
        return None


def test_the_genuine_ones_are_believed() -> None:
    assert all(believed(header) for header in GENUINE)


@given(
    st.text(st.characters(max_codepoint=255), max_size=80), st.sampled_from(["", "Bearer ", "Bearer cnc_", "basic "])
)
def test_invented_credentials_are_refused(text: str, start: str) -> None:
    assert believed(start + text) is None


@given(st.sampled_from(sorted(GENUINE)), st.data())
def test_a_genuine_credential_with_another_character_is_refused(header: str, data: st.DataObject) -> None:
    # The last character of a signature holds bits that no decoder reads, so it is left as it is.
    place = data.draw(st.integers(len("Bearer "), len(header) - 2))
    character = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != header[place]))
    assert believed(header[:place] + character + header[place + 1 :]) is None


@given(st.sampled_from(sorted(GENUINE)), st.data())
def test_a_genuine_credential_cut_short_is_refused(header: str, data: st.DataObject) -> None:
    assert believed(header[: data.draw(st.integers(0, len(header) - 1))]) is None
