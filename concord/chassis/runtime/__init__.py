"""A process's life: ordered parts, readiness, drain and stop; and the one function that serves it."""

from concord.chassis.runtime.parts import (
    Abandonable,
    BrokerPart,
    HandingOver,
    Hook,
    Loop,
    Part,
    Running,
    StorePart,
    TelemetryPart,
    Watched,
    reach,
)
from concord.chassis.runtime.runtime import STOP_SECONDS_MAX, PartDied, Phase, Runtime
from concord.chassis.runtime.serve import Service, main, serve

__all__ = [
    "STOP_SECONDS_MAX",
    "Abandonable",
    "BrokerPart",
    "HandingOver",
    "Hook",
    "Loop",
    "Part",
    "PartDied",
    "Phase",
    "Running",
    "Runtime",
    "Service",
    "StorePart",
    "TelemetryPart",
    "Watched",
    "main",
    "reach",
    "serve",
]
