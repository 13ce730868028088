"""What ingest tells of itself."""

from concord.chassis.telemetry import Instrument

INSTRUMENTS = (
    Instrument(
        "concord_ingest_units",
        "counter",
        "Units sent, by what became of them: admitted, repeated, duplicate_of, left_out by sampling, refused.",
        ("status",),
    ),
    Instrument(
        "concord_ingest_personal_data",
        "counter",
        "Personal data replaced in contents, by kind; what it was is told nowhere.",
        ("kind",),
    ),
)
