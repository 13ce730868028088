"""The deal as Kafka's clients call it: an assignor of one member's, whose user data carries claims and the table."""

from collections.abc import Callable, Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from concord.chassis.broker.port import Claim, Table
from concord.chassis.places.deal import (
    PlacesDiffer,
    check_width,
    claim_from,
    claim_said,
    deal,
    table_from,
    table_of,
    table_told,
)

PROTOCOL = "places"
PROTOCOL_VERSION = 1


class PlaceAssignor(AbstractPartitionAssignor):  # type: ignore[misc] # the library's classes have no types
    """The assignor of one member, as the client library calls it.

    Args:
        places: how many the cluster has.
        claim: says what this member claims now.
        heard: is told the table whenever the group was dealt anew.

    Attributes:
        differ: why this member, as the leader, could not deal: the client library tells it as any fault of the broker.
    """

    name = PROTOCOL

    def __init__(self, places: int, claim: Callable[[], Claim], heard: Callable[[Table], None]) -> None:
        self.places = places
        self.claim = claim
        self.heard = heard
        self.differ: PlacesDiffer | None = None

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return what this member says when it joins."""
        return ConsumerProtocolMemberMetadata(PROTOCOL_VERSION, sorted(topics), claim_said(self.claim()))

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Return, as the group's leader, each member's partitions, with the table for all.

        A member gets its places' partitions of the topics that it reads: while a release that reads one more topic
        comes in, that topic waits in the places of the members of the release before.

        Raises:
            PlacesDiffer: see there.
        """
        claims = {member: claim_from(entry.user_data) for member, entry in members.items()}
        try:
            for topic in sorted({topic for member in members.values() for topic in member.subscription}):
                check_width(topic, len(cluster.partitions_for_topic(topic) or ()), self.places)
        except PlacesDiffer as fault:
            self.differ = fault
            raise
        dealt = deal(self.places, claims)
        told_all = table_told(table_of(dealt, claims))
        return {
            member: ConsumerProtocolMemberAssignment(
                PROTOCOL_VERSION, [(topic, sorted(dealt[member])) for topic in sorted(entry.subscription)], told_all
            )
            for member, entry in members.items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Take the table that the leader told."""
        self.heard(table_from(assignment.user_data))
