"""A figure: what one operation cost, beside its floor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.services.floor import Floor


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation of a service cost.

    Attributes:
        operation: in words.
        service: whose CPU it is.
        units: how many units the project has.
        operations: how many were measured.
        cpu_us: CPU microseconds of the service's process an operation.
        floor: the same I/O, bare, in the same run.
        below_us: by part, CPU of the store and the broker an operation, of all services together.
        calls: by kind of HTTP call, the times in milliseconds within which half and 99 % were answered.
        seconds: wall time of it all; noise on a machine that does other things.
    """

    operation: str
    service: str
    units: int
    operations: int
    cpu_us: float
    floor: Floor
    seconds: float
    below_us: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times its floor it cost; None where the floor was too small to be seen."""
        return self.cpu_us / self.floor.total_us if self.floor.total_us > 0 else None

    @property
    def rate(self) -> float:
        """Operations a second of wall time."""
        return self.operations / self.seconds if self.seconds else 0.0
