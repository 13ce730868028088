"""What a service shows to Prometheus, as tests look at it."""

from concord.chassis.telemetry import Instruments


def by_project(instruments: Instruments, name: str) -> dict[str, float]:
    """Return what a gauge shows of each project that has a series of it."""
    (shown,) = instruments._parents[name].collect()
    return {sample.labels["project"]: sample.value for sample in shown.samples}
