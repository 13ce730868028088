"""Sealing: what is stored of people is encrypted, each thing under a data key of its own, which its client's key wraps.

Who has the store and not the clients' keys has nothing. When a sealed thing is deleted, its data key, which lies in no
other place, goes with it. Where the clients' keys are is a port: derived from a secret or read from a file here, a key
management service's wrap and unwrap elsewhere.

A sealed thing is: a version byte, the nonce of the wrap, the wrapped data key, the ciphertext. The data key is used
once, so its own nonce is zero. AES-256-GCM: NIST SP 800-38D.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from concord.chassis.errors import DeploymentFault

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
CLIENTS_REMEMBERED_MAX = 10_000
_VERSION = b"\x01"
_ONCE = bytes(NONCE_BYTES)


class CannotBeOpened(DeploymentFault):
    """A sealed thing does not open: its client's key is another one now, or the store gave something else back."""


class Keys(Protocol):
    """Wraps data keys under a client's key, which never leaves where it is."""

    def wrap(self, client_id: str, data_key: bytes, nonce: bytes) -> bytes:
        """Return a data key wrapped: WRAPPED_BYTES of them.

        Args:
            client_id: whose key wraps it.
            data_key: 32 bytes.
            nonce: 12 random bytes; a client's key is good for 2**32 of them.
        """
        ...

    def unwrap(self, client_id: str, wrapped: bytes) -> bytes:
        """Return the data key.

        Raises:
            CannotBeOpened: it was wrapped by a key that is not there.
        """
        ...


class LocalKeys:
    """Clients' keys out of a file, and for clients that are not in it derived from a secret.

    Args:
        secret: what keys are derived from (HKDF, RFC 5869), a key for each client.
        listed: keys by client, the newest first: that one wraps, all of them unwrap.
    """

    def __init__(self, secret: bytes, listed: Mapping[str, list[bytes]] | None = None) -> None:
        self._secret = secret
        self._listed = listed or {}
        self._of = lru_cache(maxsize=CLIENTS_REMEMBERED_MAX)(self._made)

    def wrap(self, client_id: str, data_key: bytes, nonce: bytes) -> bytes:
        """Return a data key wrapped."""
        return nonce + self._of(client_id)[0].encrypt(nonce, data_key, client_id.encode())

    def unwrap(self, client_id: str, wrapped: bytes) -> bytes:
        """Return the data key.

        Raises:
            CannotBeOpened: it was wrapped by a key that is not there.
        """
        for key in self._of(client_id):
            try:
                return key.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], client_id.encode())
            except InvalidTag:
                continue
        raise CannotBeOpened(f"no key of client {client_id} opens what was sealed for it")

    def _made(self, client_id: str) -> list[AESGCM]:
        if client_id in self._listed:
            return [AESGCM(key) for key in self._listed[client_id]]
        info = f"concord payloads/{client_id}".encode()
        return [AESGCM(HKDF(SHA256(), KEY_BYTES, None, info).derive(self._secret))]


def keys_in(file: Path) -> dict[str, list[bytes]]:
    """Return the keys that a file lists: JSON, by client a list of 32 bytes in base64 each, the newest first.

    Raises:
        DeploymentFault: it cannot be read, or holds no such keys.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = {
            str(client): [base64.b64decode(key, validate=True) for key in keys] for client, keys in content.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as fault:
        raise DeploymentFault(f"{file} holds no clients' keys: {fault}") from fault
    for client, keys in found.items():
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise DeploymentFault(f"{file}: client {client} needs keys of {KEY_BYTES} bytes each, in base64")
    return found


class Sealer:
    """Seals and opens.

    Args:
        keys: the clients' keys.
        random: gives so many bytes that nobody can foresee.
    """

    def __init__(self, keys: Keys, random: Callable[[int], bytes] = os.urandom) -> None:
        self._keys = keys
        self._random = random

    def seal(self, client_id: str, plain: bytes, place: str) -> bytes:
        """Return something sealed, to be opened in its place only.

        >>> sealer = Sealer(LocalKeys(b"secret"))
        >>> sealer.open("k1", sealer.seal("k1", b"text", "unit/1"), "unit/1")
        b'text'

        Args:
            client_id: whose it is.
            plain: what.
            place: where it lies, so that nothing can be put into another's place.
        """
        random = self._random(KEY_BYTES + NONCE_BYTES)
        data_key = random[:KEY_BYTES]
        wrapped = self._keys.wrap(client_id, data_key, random[KEY_BYTES:])
        return _VERSION + wrapped + AESGCM(data_key).encrypt(_ONCE, plain, place.encode())

    def open(self, client_id: str, sealed: bytes, place: str) -> bytes:
        """Return what was sealed.

        Raises:
            CannotBeOpened: the client's key is another one now, or this is not what was sealed in this place.
        """
        if not sealed.startswith(_VERSION):
            raise CannotBeOpened(f"what lies at {place} was sealed by another release")
        data_key = self._keys.unwrap(client_id, sealed[1 : 1 + WRAPPED_BYTES])
        try:
            return AESGCM(data_key).decrypt(_ONCE, sealed[1 + WRAPPED_BYTES :], place.encode())
        except InvalidTag as fault:
            raise CannotBeOpened(f"what lies at {place} was not sealed there") from fault
