"""What things were measured to cost: the figures that `make bench ARGS="--only whole --keep"` writes."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import msgspec

MEASURED = "costs.json"


class Operation(msgspec.Struct, frozen=True):
    """What one operation costs.

    Attributes:
        operations: of how many the figures are the mean.
        cpu_ms: by process, CPU milliseconds, what it spends when idle included.
        disk_bytes: by what keeps something, by how much its files grew.
        seconds: wall time in which they were done, and in which their processes were idle beside.
    """

    operations: int
    cpu_ms: Mapping[str, float]
    disk_bytes: Mapping[str, float]
    seconds: float


class Works(msgspec.Struct, frozen=True):
    """The operations that were measured: a unit imported, and a label given that brings the next unit."""

    unit: Operation
    label: Operation


class Costs(msgspec.Struct, frozen=True):
    """One measurement.

    Attributes:
        commit: what was measured.
        at: when, ISO 8601.
        units: how many units were there.
        idle_ms: by process, CPU milliseconds a second while nothing is asked.
        work: what an operation of each kind costs.
    """

    units: int
    idle_ms: Mapping[str, float]
    work: Works
    commit: str = ""
    at: str = ""


def measured() -> Costs:
    """Return the measurement that this version was published with."""
    return read(resources.files("concord.capacity").joinpath(MEASURED).read_bytes())


def read(text: bytes) -> Costs:
    """Return a measurement, from the published file or from what `--json` of the bench wrote.

    Raises:
        msgspec.ValidationError: it is none; the text says where.
    """
    found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    return msgspec.json.decode(found.get("whole", text), type=Costs)


def published() -> Path:
    """Return where the published measurement lies in a checkout."""
    return Path(__file__).with_name(MEASURED)
