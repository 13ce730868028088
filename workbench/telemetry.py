"""What the workbench tells of itself."""

from concord.chassis.telemetry import Instrument

INSTRUMENTS = (
    Instrument(
        "concord_workbench_renewals",
        "counter",
        "Sessions for which another token was asked, by what came of it: renewed, refused, away.",
        ("result",),
    ),
    Instrument("concord_workbench_waits", "gauge", "Claims of annotators that are handed on and may wait for work."),
    Instrument("concord_workbench_streams", "gauge", "Streams of live pages that are handed on."),
)
