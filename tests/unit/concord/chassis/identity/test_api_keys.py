"""API keys hold until they expire, several at once, and nothing is told of those that do not."""

import pytest

from concord.chassis.errors import Unauthenticated
from concord.chassis.identity import ApiKeyRecord, ApiKeys, Role, new_api_key

PEPPER = b"pepper"
NOW_SECONDS = 1_800_000_000
NOW_US = NOW_SECONDS * 1_000_000


def test_a_new_key_is_its_holders_until_the_second_it_expires() -> None:
    key, record = new_api_key(PEPPER, [Role.CLIENT], NOW_SECONDS + 1, "k7q2")
    keys = ApiKeys([record], PEPPER)
    caller = keys.caller(key, NOW_US)
    assert (caller.subject, caller.roles, caller.client_id) == (f"key:{record.id}", frozenset({Role.CLIENT}), "k7q2")
    assert keys.caller(key, NOW_US + 999_999) is caller
    with pytest.raises(Unauthenticated, match="has expired"):
        keys.caller(key, NOW_US + 1_000_000)


def test_two_keys_live_at_once_so_that_they_can_be_rotated() -> None:
    old, old_record = new_api_key(PEPPER, [Role.CLIENT], NOW_SECONDS + 10, "k7q2")
    new, new_record = new_api_key(PEPPER, [Role.CLIENT], NOW_SECONDS + 99, "k7q2")
    keys = ApiKeys([old_record, new_record], PEPPER)
    assert keys.caller(old, NOW_US).client_id == keys.caller(new, NOW_US).client_id == "k7q2"


def test_the_secret_is_not_in_the_record() -> None:
    key, record = new_api_key(PEPPER, [Role.OPERATOR], NOW_SECONDS)
    assert key.rsplit("_", 1)[1] not in repr(record)


def test_a_changed_key_is_not_known() -> None:
    key, record = new_api_key(PEPPER, [Role.OPERATOR], NOW_SECONDS + 1)
    other_end = "1" if key.endswith("0") else "0"
    for changed in (key[:-1] + other_end, key + "0", key[:-1], key.upper(), f" {key}", f"{key}\n"):
        with pytest.raises(Unauthenticated, match="not known"):
            ApiKeys([record], PEPPER).caller(changed, NOW_US)


def test_an_unknown_id_and_a_wrong_secret_are_told_the_same() -> None:
    key, record = new_api_key(PEPPER, [Role.OPERATOR], NOW_SECONDS + 1)
    other, _ = new_api_key(PEPPER, [Role.OPERATOR], NOW_SECONDS + 1)
    wrong = f"cnc_{record.id}_{other.rsplit('_', 1)[1]}"
    names = set()
    for refused in (other, wrong, "cnc_", "cnc_é_" + "é" * 40):
        with pytest.raises(Unauthenticated) as exception_info:
            ApiKeys([record], PEPPER).caller(refused, NOW_US)
        names.add(str(exception_info.value))
    assert len(names) == 1
    assert ApiKeys([record], PEPPER).caller(key, NOW_US).may(Role.OPERATOR)


def test_another_pepper_makes_every_key_worthless() -> None:
    key, record = new_api_key(PEPPER, [Role.OPERATOR], NOW_SECONDS + 1)
    with pytest.raises(Unauthenticated):
        ApiKeys([record], b"another").caller(key, NOW_US)


def test_a_client_without_a_tenant_cannot_be() -> None:
    record = ApiKeyRecord(id="a" * 16, secret_hash="0" * 64, roles=(Role.CLIENT,), expires_at=NOW_SECONDS)
    with pytest.raises(ValueError, match="client_id"):
        ApiKeys([record], PEPPER)


def test_while_the_pepper_changes_keys_of_either_hold_and_after_it_those_of_the_new_one_alone() -> None:
    old, old_record = new_api_key(PEPPER, [Role.CLIENT], NOW_SECONDS + 9, "k7q2")
    new, new_record = new_api_key(b"new", [Role.CLIENT], NOW_SECONDS + 9, "k7q2")
    records = [old_record, new_record]
    for keys in (ApiKeys(records, b"new", [PEPPER]), ApiKeys(records, PEPPER, [b"new"])):
        assert keys.caller(old, NOW_US).client_id == keys.caller(new, NOW_US).client_id == "k7q2"
        with pytest.raises(Unauthenticated):
            keys.caller(f"cnc_{old_record.id}_{new.rsplit('_', 1)[1]}", NOW_US)
    done = ApiKeys(records, b"new")
    assert done.caller(new, NOW_US).client_id == "k7q2"
    with pytest.raises(Unauthenticated, match="not known"):
        done.caller(old, NOW_US)
