"""Whom connections to a real store trust, when the file that says so changes under a process."""

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from concord.chassis.store import mongo
from concord.chassis.store.mongo import Driver, MongoStore
from concord.chassis.store.port import Collection, StoreUnavailable
from tests.ports.conftest import MONGODB_URI, fresh_name
from tests.support.certificates import certificate, put
from tests.support.patience import PATIENCE_SECONDS
from tests.support.tls_front import tls_front

pytestmark = [pytest.mark.real, pytest.mark.parametrize("driver", ["motor", "pymongo"])]

HOST = "127.0.0.1"
RECORDS = Collection("records")
SHORT_MS = 300
"""How long a client looks for a store before it says why it found none; on a busy machine that may be too soon."""


async def comes_to_say(store: MongoStore, reason: str) -> bool:
    """Ask whether the store answers until the reason why not is the one that is looked for; empty: until it does."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            await store.ping()
        except StoreUnavailable as fault:
            if reason and reason in str(fault):
                return True
        else:
            if not reason:
                return True
    return False


async def test_an_authority_that_is_renewed_counts_without_a_stop_and_one_that_is_gone_counts_no_more(
    tmp_path: Path, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mongo._OPTIONS, "serverSelectionTimeoutMS", SHORT_MS)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = (certificate(tmp_path / name, HOST, name)[0] for name in ("old", "new"))
    old_pem, new_pem = ((tmp_path / name / "certificate.pem").read_bytes() for name in ("old", "new"))
    ca_file, behind = tmp_path / "ca.crt", urlsplit(os.environ[MONGODB_URI]).port
    assert behind is not None
    put(old_pem, ca_file)
    async with tls_front(behind, old) as port:
        uri = f"mongodb://{HOST}:{port}/?tls=true&tlsCAFile={ca_file}&directConnection=true"
        store = MongoStore.connect(uri, fresh_name("tls"), driver, [ca_file])
        assert await comes_to_say(store, "")
        await store.prepare([RECORDS])
        await store.insert("records", [{"_id": "before"}])
        put(old_pem + new_pem, ca_file)  # while an authority is renewed both are believed
        async for page in store.stream("records"):
            assert [document["_id"] for document in page] == ["before"]
            assert await comes_to_say(store, "")
            assert len(store._left) == 1, "whoever reads by the client before reads on"
        assert await comes_to_say(store, "")
        assert not store._left
    async with tls_front(behind, new, port):
        assert await comes_to_say(store, "")
        assert await store.insert("records", [{"_id": "before"}, {"_id": "after"}]) == {0}
        put(b"no certificate", ca_file)
        assert await comes_to_say(store, "")
        ca_file.unlink()
        assert await comes_to_say(store, "")
        put(old_pem, ca_file)
        assert await comes_to_say(store, "certificate verify failed")
        put(new_pem, ca_file)
        assert await comes_to_say(store, "")
        assert (await store.get("records", ["after"])).keys() == {"after"}
        await store.close()
