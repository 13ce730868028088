"""Ids: how they are made, and how the owner is read off them.

Every id that people see starts with the client's opaque code, so that whoever is handed an id knows which
aggregate it means without a look-up: `k7q2-rte` is a project of client `k7q2`, `k7q2-ug6…` one of its units.
After the letter of its kind an id carries the slot of its project in two characters, so that whoever is handed one
knows without a look-up which place it lies in. What follows is keyed with a secret where it must not be guessed.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

CLIENT_CHARACTERS_MAX = 24
CLIENT_ID = re.compile(r"[a-z0-9]{1,24}")
NAMESPACE = uuid.UUID("5f0d7c1e-8f0c-5b57-9d35-3c1d8e6a2b90")
DIGEST_CHARACTERS = 26
SLOTS = 1_024
"""A project has one of these by its hash, for good; a place is some of them."""
PROJECTS_REMEMBERED_MAX = 65_536
PROJECT_CHARACTERS_REMEMBERED_MAX = 100
"""What is longer names no project, though an address may hold 16 kB of it: as many as are remembered would fill a
gigabyte, and a stranger can send them."""
CLIENTS_REMEMBERED_MAX = 65_536
SECRETS_REMEMBERED_MAX = 64

_named = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT = "89ab"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
"""Of base 32, RFC 4648, in small letters."""
_PAIRS = [name + other for name in _ALPHABET for other in _ALPHABET]
_SLOTS = {pair: slot for slot, pair in enumerate(_PAIRS)}
_SLOT_SHIFT = 6
"""The first ten of sixteen bits."""
_BLOCK_BYTES = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_SPELT_BYTES, _SPELT_CHARACTERS = 20, 32
"""Of a digest, so many bytes are spelt, in so many characters; as many as are wanted are kept."""
_SPELT_TOGETHER = 64
_APART = bytes(_SPELT_CHARACTERS - _SPELT_BYTES)
_LETTERS = (_ALPHABET * 8).encode()


def event_id(cause: str, service: str, kind: str, index: int = 0) -> str:
    """Return the id of the event that `service` derives from `cause`: the same cause, the same id.

    >>> event_id("c1", "ingest", "UnitAdmitted") == event_id("c1", "ingest", "UnitAdmitted")
    True
    """
    digest = _named.copy()
    digest.update(f"{cause}/{service}/{kind}/{index}".encode())
    return _as_uuid5(digest.hexdigest())


def event_ids(cause: str, service: str, kind: str) -> Callable[[int], str]:
    """Return what gives the ids of the events of one cause by their indexes; many may follow from one.

    >>> event_ids("c1", "ingest", "UnitAdmitted")(7) == event_id("c1", "ingest", "UnitAdmitted", 7)
    True
    """
    begun = _named.copy()
    begun.update(f"{cause}/{service}/{kind}/".encode())

    def at(index: int) -> str:
        digest = begun.copy()
        digest.update(str(index).encode())
        return _as_uuid5(digest.hexdigest())

    return at


def _as_uuid5(text: str) -> str:
    """Return a hash as RFC 9562, section 5.5, and `uuid.uuid5` have it, which takes four times as long."""
    variant = _VARIANT[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def keyed(secret: bytes, *parts: str) -> str:
    """Return a digest of the parts that nobody without the secret can compute: 26 characters, 130 bits.

    >>> keyed(b"secret", "k7q2-rte", "item-1") == keyed(b"secret", "k7q2-rte", "item-1")
    True
    """
    return _spelt([keyed_digest(secret, *parts)[:_SPELT_BYTES]])[0]


def keyed_digest(secret: bytes, *parts: str) -> bytes:
    r"""Return HMAC-SHA256 (RFC 2104) of the parts with NUL between, as `hmac.digest` does at twice the cost.

    >>> import hmac
    >>> hmac.digest(b"secret", b"u-1\0007", "sha256") == keyed_digest(b"secret", "u-1", "7")
    True
    """
    begun, ending = _hmac_of(secret)
    inner, outer = begun.copy(), ending.copy()
    inner.update("\x00".join(parts).encode())
    outer.update(inner.digest())
    return outer.digest()


def keyed_each(secret: bytes, before: Sequence[str], last: Iterable[bytes]) -> list[str]:
    """Return the digests of parts that differ in the last one alone, at less than a third of what each costs by itself.

    >>> keyed_each(b"secret", ["k7q2-rte"], [b"item-1", b"item-2"])[1] == keyed(b"secret", "k7q2-rte", "item-2")
    True
    """
    begun, ending = _hmac_of(secret)
    begun = begun.copy()
    begun.update("".join([f"{part}\x00" for part in before]).encode())
    digests = []
    for part in last:
        inner, outer = begun.copy(), ending.copy()
        inner.update(part)
        outer.update(inner.digest())
        digests.append(outer.digest()[:_SPELT_BYTES])
    return [
        text
        for start in range(0, len(digests), _SPELT_TOGETHER)
        for text in _spelt(digests[start : start + _SPELT_TOGETHER])
    ]


def _spelt(digests: Sequence[bytes]) -> list[str]:
    """Return the digests in base 32, DIGEST_CHARACTERS of each.

    Each is thirty-two groups of five bits, and each group is to lie in a byte of its own. All of them are moved at
    once, as one number: halves apart from halves, then quarters, and so on.
    """
    number = int.from_bytes(_APART.join(digests), "big")
    for low, high, shift in _MOVES:
        number = (number & low) | ((number & high) << shift)
    text = number.to_bytes(_SPELT_CHARACTERS * len(digests), "big").translate(_LETTERS).decode()
    return [text[start : start + DIGEST_CHARACTERS] for start in range(0, len(text), _SPELT_CHARACTERS)]


def _move(groups: int) -> tuple[int, int, int]:
    """Return a mask of what stays, one of what moves, and how far, where twice so many groups lie together."""
    low = (1 << 5 * groups) - 1
    starts = range(0, 8 * _SPELT_CHARACTERS * _SPELT_TOGETHER, 16 * groups)
    stay = sum(low << start for start in starts)
    return stay, stay << 5 * groups, 3 * groups


_MOVES = [_move(groups) for groups in (16, 8, 4, 2, 1)]


@lru_cache(maxsize=SECRETS_REMEMBERED_MAX)
def _hmac_of(secret: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Return what HMAC (RFC 2104) hashes with SHA-256 before a text and before the first hash, for a secret.

    So each digest is two short hashes; `hmac.digest` takes more than twice as long, for it prepares the key each time.
    """
    padded = (secret if len(secret) <= _BLOCK_BYTES else hashlib.sha256(secret).digest()).ljust(_BLOCK_BYTES, b"\0")
    return hashlib.sha256(padded.translate(_INNER)), hashlib.sha256(padded.translate(_OUTER))


def client_of(any_id: str) -> str:
    """Return the client code that an id starts with; empty when it has none.

    >>> client_of("k7q2-u-abc.3")
    'k7q2'
    """
    client, separator, _ = any_id.partition("-")
    return client if separator and len(client) <= CLIENT_CHARACTERS_MAX and _is_client(client) else ""


@lru_cache(maxsize=CLIENTS_REMEMBERED_MAX)
def _is_client(code: str) -> bool:
    return CLIENT_ID.fullmatch(code) is not None


def slot_of_project(project_id: str) -> int:
    """Return the project's slot, of SLOTS: ten bits of a hash of its id, which never change.

    >>> slot_of_project("k7q2-rte")
    222
    """
    if len(project_id) > PROJECT_CHARACTERS_REMEMBERED_MAX:
        return _slot_of_project.__wrapped__(project_id)
    return _slot_of_project(project_id)


@lru_cache(maxsize=PROJECTS_REMEMBERED_MAX)
def _slot_of_project(project_id: str) -> int:
    digest = hashlib.sha256(project_id.encode()).digest()
    return int.from_bytes(digest[:2], "big") >> _SLOT_SHIFT


def placed_id(kind: str, project_id: str, digest: str) -> str:
    """Return the id of something of a project: the client's code, the kind's letter, the project's slot, the digest.

    >>> placed_id("u", "k7q2-rte", "75pg")
    'k7q2-ug675pg'
    """
    return _before_digest(kind, project_id) + digest


@lru_cache(maxsize=PROJECTS_REMEMBERED_MAX)
def _before_digest(kind: str, project_id: str) -> str:
    return f"{client_of(project_id)}-{kind}{_PAIRS[slot_of_project(project_id)]}"


def unit_id_of(secret: bytes, project_id: str, source_id: str) -> str:
    """Return the id of the unit that a client names `source_id`, whether it has come in or not.

    >>> unit_id_of(b"s", "k7q2-rte", "item-1") == unit_id_of(b"s", "k7q2-rte", "item-1")
    True
    """
    return placed_id("u", project_id, keyed(secret, project_id, source_id))


def unit_ids_of(secret: bytes, project_id: str, source_ids: Iterable[str]) -> list[str]:
    """Return the ids of the units that a client names so, in their order."""
    before = _before_digest("u", project_id)
    return [before + text for text in keyed_each(secret, [project_id], [name.encode() for name in source_ids])]


def slot_of(any_id: str) -> int | None:
    """Return the slot that the id of a unit, a lot or an assignment carries; None when it carries none.

    Not for a project's own id, which a client chose: that is `slot_of_project`.

    >>> slot_of("k7q2-ug675pg.3") == slot_of_project("k7q2-rte")
    True
    """
    return _SLOTS.get(any_id.partition("-")[2][1:3])


def place_of(slot: int, places: int) -> int:
    """Return the place, of so many, in which a slot lies; it is the partition in every topic of events."""
    return slot % places


def slots_of(place: int, places: int) -> range:
    """Return the slots that lie in a place.

    >>> list(slots_of(3, 256))
    [3, 259, 515, 771]
    """
    return range(place, SLOTS, places)
