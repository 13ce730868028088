"""Members of a Faust group are dealt whole places, as all other services' are, in words that Faust's assignor knows."""

from collections.abc import Iterable
from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.assignor.partition_assignor import PartitionAssignor
from faust.types import TP

from concord.chassis.faust_chunks import ChunkedApp
from concord.chassis.places.owner import Owner
from concord.chassis.settings import KafkaSettings

PLACES = 8
TOPICS = ("a", "b")


class Cluster:
    """Topics as wide as told."""

    def __init__(self, **widths: int) -> None:
        self.widths = widths

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self.widths.get(topic, PLACES)))


class Group:
    """A group whose first member leads; what travels is bytes, as the client library encodes it."""

    def __init__(self) -> None:
        self.members: dict[str, PartitionAssignor] = {}
        self.reads: dict[str, set[str]] = {}
        self.cluster = Cluster()

    def join(self, name: str, plain: bool = False) -> None:
        app = ChunkedApp("test", KafkaSettings(bootstrap="127.0.0.1:9"), 1, Owner(PLACES, f"http://{name}:1"))
        self.members[name] = PartitionAssignor(app) if plain else app.assignor

    def deal(self, whole: bool = True) -> dict[str, list[int]]:
        """Let the first deal, tell all, and return who has which places of the first topic."""
        body = {
            name: ConsumerProtocolMemberMetadata.decode(member.metadata(self.reads.get(name, set(TOPICS))).encode())
            for name, member in self.members.items()
        }
        leader = next(iter(self.members.values()))
        mutable_mapping = leader.assign(self.cluster, body)
        for name, answer in mutable_mapping.items():
            heard = ConsumerProtocolMemberAssignment.decode(answer.encode())
            if whole:
                assert len({tuple(sorted(given)) for _, given in heard.assignment}) == 1, "places are dealt whole"
            self.members[name].on_assignment(heard)
        return {name: dict(_lists(answer.assignment))["a"] for name, answer in mutable_mapping.items()}


def _lists(assignment: Iterable[Any]) -> Iterable[tuple[str, list[int]]]:
    return [(topic, sorted(given)) for topic, given in assignment]


def group_of(*names: str) -> Group:
    group = Group()
    for name in names:
        group.join(name)
    return group


def test_who_took_over_a_killed_members_places_gives_those_on_and_keeps_what_it_served_all_the_time() -> None:
    for survivor, dead in (("one", "two"), ("two", "one")):
        group = group_of("one", "two")
        before = group.deal()
        del group.members[dead]
        assert group.deal() == {survivor: list(range(PLACES))}
        group.join("three")
        assert group.deal() == {survivor: before[survivor], "three": before[dead]}


def test_every_member_is_told_who_has_what_and_which_changelogs_are_its_own() -> None:
    group = group_of("one", "two", "three")
    dealt = group.deal()
    assert sorted(place for given in dealt.values() for place in given) == list(range(PLACES))
    for name, member in group.members.items():
        assert member.assigned_actives() == {TP(topic, place) for topic in TOPICS for place in dealt[name]}
        assert member.assigned_standbys() == set()
        assert {url: sorted(given["a"]) for url, given in member.external_topic_distribution.items()} == {
            f"http://{text}:1": given for text, given in dealt.items()
        }


def test_a_member_that_deals_in_fausts_own_way_and_one_of_ours_understand_each_other() -> None:
    for first, second in ((True, False), (False, True)):
        group = Group()
        group.join("one", plain=first)
        group.deal()
        group.join("two", plain=second)
        dealt = group.deal()
        assert sorted(place for given in dealt.values() for place in given) == list(range(PLACES))
        assert {len(given) for given in dealt.values()} == {PLACES // 2}


def test_while_a_release_comes_in_that_reads_one_more_topic_each_partition_of_it_is_somebodys() -> None:
    group = group_of("one", "two")
    group.reads["two"] = {*TOPICS, "c"}
    group.deal(whole=False)
    mutable_mapping = group.members["two"].external_topic_distribution
    assert sorted(place for given in mutable_mapping.values() for place in given.get("c", ())) == list(range(PLACES))


def test_topics_that_are_no_places_are_dealt_by_faust() -> None:
    group = group_of("one", "two")
    group.cluster = Cluster(a=4, b=4)
    assert group.deal() == {"one": [0, 2], "two": [1, 3]}
