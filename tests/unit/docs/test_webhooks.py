"""The recipe of docs/webhooks.md verifies what is sent, and nothing else; so does the specification's own library."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from concord.chassis.clock import MICROSECONDS
from services.audit.domain.delivery import OPEN_MAX, PAUSES_SECONDS
from services.audit.domain.endpoint import ENDPOINTS_MAX, EVENT_TYPES, secret_of, signed_headers

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text()
BODY = '{"type":"lot.accepted","data":{"lot_id":"k1-l1","name":"Zoë"}}'
NEW, OLD, OTHER = (secret_of(b"ours", "k1-w1", salt) for salt in ("new", "old", "other"))

Verified = Callable[[str, Mapping[str, str], bytes], bool]


@pytest.fixture
def verified() -> Verified:
    (recipe,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(recipe, "docs/webhooks.md", "exec"), names)
    found: Verified = names["verified"]
    return found


def sent(*secrets: str, seconds_ago: int = 0) -> dict[str, str]:
    return signed_headers(secrets, "k1-d1", BODY, (int(time.time()) - seconds_ago) * MICROSECONDS)


def by_library(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


def test_either_of_two_secrets_verifies_and_nothing_that_was_touched(verified: Verified) -> None:
    body = BODY.encode()
    for check in (verified, by_library):
        assert check(NEW, sent(NEW), body)
        assert check(NEW, sent(NEW, OLD), body)
        assert check(OLD, sent(NEW, OLD), body)
        assert not check(OTHER, sent(NEW, OLD), body)
        assert not check(NEW, sent(NEW, OLD), body.replace(b"k1-l1", b"k1-l2"))
        assert not check(NEW, sent(NEW) | {"webhook-id": "k1-d2"}, body)
        assert not check(NEW, sent(NEW, seconds_ago=400), body), "what was sent before is not sent again by others"
        assert not check(NEW, sent(NEW) | {"webhook-timestamp": str(int(time.time()) - 60)}, body)


def test_the_page_says_what_the_code_does() -> None:
    for event in EVENT_TYPES:
        assert f"`{event}`" in PAGE
    assert ENDPOINTS_MAX == 10
    assert f"{OPEN_MAX:,} of its deliveries" in PAGE
    assert PAUSES_SECONDS == (5, 30, 2 * 60, 10 * 60, 30 * 60, 3_600, 2 * 3_600, 4 * 3_600, 6 * 3_600)
