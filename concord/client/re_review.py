"""What the client reads of lots that are held for annotators at fault for others."""

from msgspec import Struct


class ReReview(Struct, frozen=True):
    """Units of a lot whose annotators are at fault for the lots `held_for`; it is held while some are `left` to inspect."""

    units: int
    inspected: int
    errors: int
    left: int
