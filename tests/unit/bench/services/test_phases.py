"""What the phases of the bench take of the services that they measure."""

from bench.services.phases import LAST_LOOK_SECONDS
from concord.chassis.places.keeper import LOOK_AGAIN_SECONDS


def test_the_bench_waits_for_the_last_look_at_places() -> None:
    # Not imported by the bench: with --against it measures builds that have no such name.
    assert max(LOOK_AGAIN_SECONDS) == LAST_LOOK_SECONDS
