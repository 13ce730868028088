"""Ids are what their standards say, for any text."""

import base64
import hashlib
import hmac
import uuid

from hypothesis import given
from hypothesis import strategies as st

from concord.contracts.ids import DIGEST_CHARACTERS, NAMESPACE, event_id, keyed

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT, TEXT, st.integers(0, 1_000))
def test_an_event_id_is_the_uuid_5_of_its_cause(cause: str, service: str, kind: str, index: int) -> None:
    assert event_id(cause, service, kind, index) == str(uuid.uuid5(NAMESPACE, f"{cause}/{service}/{kind}/{index}"))


@given(st.binary(min_size=1), st.lists(TEXT, min_size=1))
def test_a_keyed_digest_is_base_32_of_an_hmac(secret: bytes, parts: list[str]) -> None:
    digest = hmac.new(secret, "\x00".join(parts).encode(), hashlib.sha256).digest()
    assert keyed(secret, *parts) == base64.b32encode(digest).decode().lower()[:DIGEST_CHARACTERS]
