"""A process's life: ordered parts, readiness, drain and stop; and the one function that serves it."""

from concord.chassis.runtime.dependencies import Dependencies
from concord.chassis.runtime.loops import repeating
from concord.chassis.runtime.parts import (
    Abandonable,
    BrokerPart,
    HandingOver,
    Hook,
    Lacking,
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
    "Dependencies",
    "HandingOver",
    "Hook",
    "Lacking",
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
    "repeating",
    "serve",
]
