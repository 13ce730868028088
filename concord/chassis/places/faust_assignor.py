"""The deal as Faust calls it: its own assignor's words, and places dealt as all other services deal them.

Faust deals evenly and moves few, but a member that has more than its share gives up whichever a set of numbers yields
first. After a process is killed and the one in its seat is up late, that is what the survivor has served all the time,
so that projects of a living process wait. Dealt by `deal`, it gives up what it took over last.
"""

from collections.abc import MutableMapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust import App
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor

from concord.chassis.broker.port import Claim
from concord.chassis.places.deal import deal


class FaustPlaceAssignor(PartitionAssignor):
    """Faust's assignor of one member, which as the leader deals whole places and no standbys.

    What members say to one another is Faust's: whoever still deals in Faust's own way understands it and is understood.
    The order in which a member got its places is that of the lists in its assignment.

    Args:
        app: the application.
        places: how many the cluster has.
    """

    def __init__(self, app: App, places: int) -> None:
        # Without standbys: one in memory is read anew when it is made active, and saves nobody anything. Not by the
        # setting: with that at zero Faust takes another assignor for an application without tables.
        super().__init__(app, replicas=0)
        self._places = places

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: MutableMapping[str, ConsumerProtocolMemberMetadata]
    ) -> MutableMapping[str, ConsumerProtocolMemberAssignment]:
        """Return each member's partitions: its places' of every topic that it reads.

        Where a topic has other partitions than there are places, or is not known yet, Faust deals; and where a release
        comes in that reads another topic, which Faust deals to those alone that read it.
        """
        read = {frozenset(entry.subscription) for entry in member_metadata.values()}
        topics = frozenset[str]().union(*read)
        if len(read) > 1 or any(len(cluster.partitions_for_topic(topic) or ()) != self._places for topic in topics):
            return super()._perform_assignment(cluster, member_metadata)
        clients = {member: self._get_client_metadata(entry) for member, entry in member_metadata.items()}
        self._update_member_urls(clients)
        dealt = deal(
            self._places,
            {
                member: Claim(client_metadata.url, _had(client_metadata.assignment))
                for member, client_metadata in clients.items()
            },
        )
        assignments = {
            member: ClientAssignment(actives={topic: list(dealt[member]) for topic in sorted(topics)}, standbys={})
            for member in member_metadata
        }
        return self._protocol_assignments(
            assignments,
            self._get_changelog_distribution(assignments),
            self._get_external_topic_distribution(assignments),
            dict.fromkeys(topics, 0),
        )


def _had(assignment: ClientAssignment) -> tuple[int, ...]:
    """Return the places of an assignment, in the order in which they were got."""
    return next((tuple(given) for _, given in sorted(assignment.actives.items()) if given), ())
