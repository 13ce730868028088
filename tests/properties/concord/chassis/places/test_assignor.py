"""Places are dealt whole, evenly, each once, with as few moves as can be, whatever members say of themselves."""

from collections import Counter
from functools import partial

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from concord.chassis.broker.port import NEVER_DEALT, Claim, Table
from concord.chassis.places.assignor import PlaceAssignor
from concord.chassis.places.deal import deal, table_from

PLACES = st.sampled_from([1, 2, 8, 64])
MEMBERS = st.sets(st.text("abcdefgh", min_size=1, max_size=4), min_size=1, max_size=12)


@st.composite
def claims(draw: st.DrawFn, places: int) -> dict[str, Claim]:
    """Members that claim anything, also what others claim, and places that there are not."""
    owned = st.lists(st.integers(0, places + 3), max_size=places + 3, unique=True).map(tuple)
    return {
        member: Claim(f"http://{member}:1", draw(owned), draw(st.integers(NEVER_DEALT, 5))) for member in draw(MEMBERS)
    }


def holders(places: int, held: dict[str, Claim]) -> dict[int, str]:
    """Return who had each place last, of those who say that they had it."""
    return {
        place: max((claim.generation, member) for member, claim in held.items() if place in claim.owned)[1]
        for place in range(places)
        if any(place in claim.owned for claim in held.values())
    }


def moves_min(places: int, held: dict[str, Claim]) -> int:
    """Return how few places can change hands, counted without dealing any."""
    had = holders(places, held)
    low, over = divmod(places, len(held))
    counts = sorted((list(had.values()).count(member) for member in held), reverse=True)
    kept = sum(min(count, low + (position < over)) for position, count in enumerate(counts))
    return len(had) - kept


@given(PLACES.flatmap(lambda places: st.tuples(st.just(places), claims(places))))
def test_every_place_goes_to_one_member_evenly_and_no_more_move_than_must(told: tuple[int, dict[str, Claim]]) -> None:
    places, held = told
    dealt = deal(places, held)
    assert set(dealt) == set(held)
    assert Counter(place for given_places in dealt.values() for place in given_places) == Counter(range(places))
    sizes = [len(given_places) for given_places in dealt.values()]
    assert max(sizes) - min(sizes) <= 1
    moved = sum(place not in dealt[member] for place, member in holders(places, held).items())
    assert moved == moves_min(places, held)
    assert deal(places, dict(reversed(held.items()))) == dealt, "whoever leads deals the same"


@given(PLACES, MEMBERS, st.data())
def test_joining_and_leaving_moves_no_more_than_a_share(places: int, members: set[str], data: st.DataObject) -> None:
    before = deal(places, {member: Claim("") for member in members})
    held = {member: Claim("", tuple(before[member]), 1) for member in members}
    joined = deal(places, {**held, "newcomer": Claim("")})
    for member in members:
        assert set(joined[member]) <= set(before[member]), "nobody but the newcomer gains"
    leaver = data.draw(st.sampled_from(sorted(members)))
    staying = {member: claim for member, claim in held.items() if member != leaver}
    if staying:
        left = deal(places, staying)
        for member in staying:
            assert set(left[member]) >= set(before[member]), "nobody loses when one leaves"


@given(PLACES, MEMBERS, st.data())
def test_who_took_over_a_dead_members_places_gives_those_to_the_next_and_keeps_its_own(
    places: int, members: set[str], data: st.DataObject
) -> None:
    """As when a process is killed, and the one in its seat is up only after its places were dealt to the others."""
    first = deal(places, {member: Claim("") for member in members})
    dead = data.draw(st.sampled_from(sorted(members)))
    living = members - {dead}
    if not living:
        return
    over = deal(places, {member: Claim("", tuple(first[member]), 1) for member in living})
    again = deal(places, {**{member: Claim("", tuple(over[member]), 2) for member in living}, "newcomer": Claim("")})
    for member in living:
        kept = set(first[member]) & set(again[member])
        assert len(kept) == min(len(first[member]), len(again[member])), "what it had all the time stays"


def not_yet(table: Table) -> None:
    raise AssertionError(f"nothing is dealt while members say what they have: {table}")


class Cluster:
    """Metadata of topics that all have a partition a place."""

    def __init__(self, places: int) -> None:
        self.places = places

    def partitions_for_topic(self, topic: str) -> set[int]:
        del topic
        return set(range(self.places))


@given(PLACES, MEMBERS, st.data())
def test_members_agree_on_the_table_and_every_topic_follows_it(
    places: int, members: set[str], data: st.DataObject
) -> None:
    """Also beside members whose words cannot be read, or tell more than is known here."""
    strange = [None, b"", b"\xff", b"[]", b"{}", b'{"version":9,"at":"http://new:1","more":{"x":1}}', b'{"at":7}']
    body = {}
    heard: dict[str, Table] = {}
    for member in sorted(members):
        claim = Claim(f"http://{member}:1")
        assignor = PlaceAssignor(places, partial(Claim, *claim), not_yet)
        subscription = data.draw(st.sampled_from([["t.a", "t.b"], ["t.a", "t.b", "t.new"]]))
        body[member] = assignor.metadata(subscription)
        if data.draw(st.booleans()):
            user_data = data.draw(st.sampled_from(strange))
            body[member] = ConsumerProtocolMemberMetadata(0, subscription, user_data)
    leader = PlaceAssignor(places, lambda: Claim(""), lambda table: heard.update(leader=table))
    # What travels is bytes: encoded and decoded as the client library does.
    decoded = {member: ConsumerProtocolMemberMetadata.decode(entry.encode()) for member, entry in body.items()}
    answer = leader.assign(Cluster(places), decoded)
    assert set(answer) == members
    assert len({entry.user_data for entry in answer.values()}) == 1
    for topic in ("t.a", "t.b"):
        given_places = [place for entry in answer.values() for place in dict(entry.assignment)[topic]]
        assert sorted(given_places) == list(range(places))
    for member, entry in answer.items():
        assert {name for name, _ in entry.assignment} == set(decoded[member].subscription)
        assert len({tuple(parts) for _, parts in entry.assignment}) == 1, "a place is the same partition of every topic"
        address = f"http://{member}:1"
        table = table_from(entry.user_data)
        if address in table:
            assert table[address] == set(entry.assignment[0][1])
    leader.on_assignment(next(iter(answer.values())))
    assert heard["leader"] == table_from(next(iter(answer.values())).user_data)
