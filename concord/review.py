"""Who has a part in a unit, and may therefore not review it: stated once, for rulings and for audits."""

from collections.abc import Iterable


def has_part(participants: Iterable[str], reviewer_id: str) -> bool:
    """Return whether a reviewer had a part in a unit, so that neither its ruling nor its inspection may be theirs.

    Args:
        participants: everybody who had one so far. For a ruling, whoever annotated the unit in any round or may still
            send a label of it, counted or late; an earlier ruling of one's own is no reason not to rule again after
            the unit was sent back. For an inspection, these and whoever ruled it in any round: what a resolution's
            `participants` and every `ParticipantJoined` since then tell.
        reviewer_id: who would review.

    Source: the four-eyes rule, as in ISO 19011:2018, 4 e): auditors are independent of what they audit.

    >>> has_part(["ann", "bob"], "bob"), has_part(["ann", "bob"], "eve")
    (True, False)
    """
    return any(participant == reviewer_id for participant in participants)
