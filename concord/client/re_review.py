"""What the client reads of lots that are held for annotators at fault for others."""

from msgspec import Struct


class ReReview(Struct, frozen=True):
    """Units of a lot whose annotators are at fault for others; while some are `left` to inspect, it is held."""

    units: int
    inspected: int
    errors: int
    left: int
