"""What is sealed opens for its client, in its place, with the key that sealed it, and not otherwise."""

import base64
import json
from pathlib import Path

import pytest

from concord.chassis.errors import DeploymentFault
from concord.chassis.sealing import CannotBeOpened, LocalKeys, Sealer, keys_in

OLD, NEW = bytes(32), b"n" * 32


def test_only_the_client_in_the_place_with_the_key_opens_it() -> None:
    sealer = Sealer(LocalKeys(b"secret"))
    sealed = sealer.seal("k1", b"a text", "unit/1")
    assert sealer.open("k1", sealed, "unit/1") == b"a text"
    assert b"a text" not in sealed
    assert sealer.seal("k1", b"a text", "unit/1") != sealed, "each has a data key of its own"
    for client, place, other in (
        ("k2", "unit/1", sealer),
        ("k1", "unit/2", sealer),
        ("k1", "unit/1", Sealer(LocalKeys(b"x"))),
    ):
        with pytest.raises(CannotBeOpened):
            other.open(client, sealed, place)


@pytest.mark.parametrize("at", [0, 5, 40, 70, -1])
def test_a_byte_that_changed_is_noticed(at: int) -> None:
    sealer = Sealer(LocalKeys(b"secret"))
    sealed = bytearray(sealer.seal("k1", b"a text", "unit/1"))
    sealed[at] ^= 1
    with pytest.raises(CannotBeOpened):
        sealer.open("k1", bytes(sealed), "unit/1")


def test_a_client_moves_to_a_key_of_its_own_and_then_to_the_next(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"k1": [base64.b64encode(key).decode() for key in (NEW, OLD)]}))
    before = Sealer(LocalKeys(b"secret", {"k1": [OLD]})).seal("k1", b"a text", "unit/1")
    now = Sealer(LocalKeys(b"secret", keys_in(file)))
    assert now.open("k1", before, "unit/1") == b"a text"
    after = now.seal("k1", b"a text", "unit/1")
    with pytest.raises(CannotBeOpened):
        Sealer(LocalKeys(b"secret", {"k1": [OLD]})).open("k1", after, "unit/1")


@pytest.mark.parametrize("text", ["", "[]", '{"k1": "x"}', '{"k1": []}', '{"k1": ["eA=="]}', '{"k1": [5]}'])
def test_a_file_that_holds_no_keys_ends_the_process_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    with pytest.raises(DeploymentFault, match=r"keys\.json"):
        keys_in(file)
    with pytest.raises(DeploymentFault, match="none"):
        keys_in(tmp_path / "none")
