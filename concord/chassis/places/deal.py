"""Dealing whole places: each to one member of a group, evenly, with as few moves as can be, and all are told.

A place is the same partition of every topic. Members say where they are reached and which places they had, and when;
the leader deals and tells every member the whole table, in what Kafka's protocol calls user data.
"""

from collections.abc import Collection, Mapping
from itertools import islice

import msgspec

from concord.chassis.broker.port import NEVER_DEALT, Claim, Table
from concord.chassis.errors import DeploymentFault

VERSION = 1


class PlacesDiffer(DeploymentFault):
    """A topic has other partitions than the cluster is said to have places: a fault of the deployment."""


def deal(places: int, claims: Mapping[str, Claim]) -> dict[str, list[int]]:
    """Return each member's places, in the order in which it got them: each place once, none with two more than another.

    As few change hands as can be.

    Of two that claim one place, the one that had it later keeps it. Who has more than a share gives up what came last:
    what was a dead member's goes on to whoever takes its seat, and what was served all the time stays where it is.

    Args:
        places: how many there are.
        claims: what each member says; at least one.
    """
    had: dict[int, str] = {}
    for member in sorted(claims, key=lambda text: (claims[text].generation, text)):
        had.update(dict.fromkeys(claims[member].owned, member))
    dealt: dict[str, list[int]] = {member: [] for member in sorted(claims)}
    for member, given in dealt.items():
        given.extend(place for place in dict.fromkeys(claims[member].owned) if place < places and had[place] == member)
    low, over = divmod(places, len(dealt))
    # Who has most has least to give up: the places beyond an even share are theirs.
    by_most = sorted(dealt, key=lambda text: -len(dealt[text]))
    shares = {member: low + (position < over) for position, member in enumerate(by_most)}
    for member, share in shares.items():
        del dealt[member][share:]
    kept = {place for given in dealt.values() for place in given}
    free = iter([place for place in range(places) if place not in kept])
    for member, given in dealt.items():
        given.extend(islice(free, shares[member] - len(given)))
    return dealt


class _ClaimWire(msgspec.Struct):
    """A claim as it travels, with the places in its order. Fields may be added; unknown ones are passed over."""

    version: int = VERSION
    at: str = ""
    owned: list[int] = []
    generation: int = NEVER_DEALT


class _TableWire(msgspec.Struct):
    """The table as it travels."""

    version: int = VERSION
    table: dict[str, list[int]] = {}


_encode = msgspec.json.Encoder().encode
_said = msgspec.json.Decoder(_ClaimWire).decode
_told = msgspec.json.Decoder(_TableWire).decode


def claim_said(claim: Claim) -> bytes:
    """Return a claim as it travels."""
    return _encode(_ClaimWire(at=claim.address, owned=list(claim.owned), generation=claim.generation))


def table_told(table: Table) -> bytes:
    """Return a table as it travels."""
    return _encode(_TableWire(table={address: sorted(places) for address, places in table.items()}))


def claim_from(user_data: bytes | None) -> Claim:
    """Return what a member said; of one whose words cannot be read, that it had nothing and is reached nowhere."""
    try:
        entry = _said(user_data or b"{}")
    except msgspec.DecodeError:
        return Claim("")
    return Claim(entry.at, tuple(entry.owned), entry.generation)


def table_from(user_data: bytes | None) -> Table:
    """Return the table that the leader told; an empty one when it cannot be read."""
    try:
        entry = _told(user_data or b"{}")
    except msgspec.DecodeError:
        return {}
    return {address: frozenset(places) for address, places in entry.table.items()}


def table_of(dealt: Mapping[str, Collection[int]], claims: Mapping[str, Claim]) -> Table:
    """Return the table of a deal. Two members of one address are one: a request reaches either."""
    table: dict[str, frozenset[int]] = {}
    for member, places in dealt.items():
        if address := claims[member].address:
            table[address] = table.get(address, frozenset()) | frozenset(places)
    return table


def check_width(topic: str, partitions: int, places: int) -> None:
    """Raise PlacesDiffer when a topic has not a partition a place."""
    if partitions != places:
        raise PlacesDiffer(
            f"{topic} has {partitions} partitions and CONCORD_PLACES is {places}; set it to what the topics were made "
            "with, or see docs/decisions/0027 for how a cluster gets another number of places"
        )
