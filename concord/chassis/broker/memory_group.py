"""A consumer group of the broker in memory: who is in it, and how it is dealt."""

from collections.abc import Mapping

from concord.chassis.broker.port import Claim, Seat, Table, TopicPartition
from concord.chassis.places.deal import check_width, deal, table_of


class Group:
    """A consumer group: who is in it, what each has, and what is done.

    Attributes:
        seats: of members whose places are dealt whole: all of a group, or none.
        table: who has which place, as the members are told when they next look.
        places: by member, in the order in which it got them.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.members: dict[str, tuple[str, ...]] = {}
        self.seats: dict[str, Seat] = {}
        self.table: Table = {}
        self.assignments: dict[str, frozenset[TopicPartition]] = {}
        self.places: dict[str, list[int]] = {}
        self.committed: dict[TopicPartition, int] = {}

    def rebalance(self, partitions: Mapping[str, int]) -> None:
        """Begin a new generation: whole places where members have seats, else each topic's partitions in turn."""
        self.generation += 1
        if self.seats:
            self._deal_places(partitions)
            return
        dealt: dict[str, list[TopicPartition]] = {member: [] for member in self.members}
        for topic in sorted({topic for topics in self.members.values() for topic in topics}):
            takers = sorted(member for member, topics in self.members.items() if topic in topics)
            for partition in range(partitions[topic]):
                dealt[takers[partition % len(takers)]].append(TopicPartition(topic, partition))
        self.assignments = {member: frozenset(given) for member, given in dealt.items()}

    def _deal_places(self, partitions: Mapping[str, int]) -> None:
        places = {seat.places for seat in self.seats.values()}
        assert self.seats.keys() == self.members.keys(), "members with and without a seat know no common protocol"
        assert len(places) == 1, "a process that counts other places would not have started"
        (count,) = places
        claims = {
            member: Claim(seat.address, tuple(self.places.get(member, ()))) for member, seat in self.seats.items()
        }
        self.places = dealt = deal(count, claims)
        self.table = table_of(dealt, claims)
        for topic in {topic for topics in self.members.values() for topic in topics}:
            check_width(topic, partitions[topic], count)
        self.assignments = {
            member: frozenset(TopicPartition(topic, place) for topic in topics for place in dealt[member])
            for member, topics in self.members.items()
        }
