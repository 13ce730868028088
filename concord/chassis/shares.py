"""What several parties share and each may hold for long: nobody takes the last of it from somebody who has little."""

SHARE_OF_FREE = 2
"""How many places a party may hold for each that is free. One alone comes to two thirds; two come to two fifths each,
and a fifth is free. (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches",
IEEE/ACM Transactions on Networking 6(2), 1998.)"""


def may_hold_another(own: int, held: int, places_max: int) -> bool:
    """Return whether a party may take one place more.

    Whoever has few is let in for as long as any is free; whoever has many makes room as what they have ends.

    Args:
        own: how many the party holds.
        held: how many all hold.
        places_max: how many there are.

    >>> [may_hold_another(own, own, 9) for own in (0, 5, 6)], may_hold_another(0, 8, 9), may_hold_another(0, 9, 9)
    ([True, True, False], True, False)
    """
    return own < SHARE_OF_FREE * (places_max - held)
