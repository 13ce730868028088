"""What ingest tells of itself."""

from concord.chassis.telemetry import Instrument

INSTRUMENTS = (
    Instrument(
        "concord_ingest_units",
        "counter",
        "Units sent, by what became of them: admitted, repeated, duplicate_of, left_out by sampling, refused, later.",
        ("status",),
    ),
    Instrument(
        "concord_ingest_personal_data",
        "counter",
        "Personal data replaced in contents, by kind; what it was is told nowhere.",
        ("kind",),
    ),
    Instrument(
        "concord_ingest_reidentifications",
        "counter",
        "Questions that were answered about who is behind a unit's data, by how: compared or opened; each is an event.",
        ("how",),
    ),
    Instrument(
        "concord_ingest_open_units",
        "gauge",
        "Units that are in and not settled, of projects that bound them; told by the process that owns the project.",
        ("project", "client"),
    ),
    Instrument("concord_ingest_open_units_max", "gauge", "That bound.", ("project", "client")),
    Instrument(
        "concord_ingest_waiting_records",
        "gauge",
        "Records of the intake topic that wait until units of their project are settled.",
        ("project", "client"),
    ),
)
