"""What adjudicate tells of itself."""

from concord.chassis.telemetry import OF_PROJECT, Instrument

INSTRUMENTS = (
    Instrument(
        "concord_adjudicate_decisions",
        "counter",
        "Decisions on units, by verdict: overlap_requested, consensus, escalated, ruled, unanswerable, unclear "
        "(waits for an answer), closed (with others).",
        ("verdict",),
    ),
    Instrument("concord_adjudicate_escalations_open", "gauge", "Escalated units that wait for a ruling."),
    Instrument(
        "concord_adjudicate_project_escalation_oldest_seconds",
        "gauge",
        "How long ago the unit of a project was escalated that has waited longest for a ruling; of the projects where "
        "one waits longest.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_adjudicate_project_gold_appeal_waiting_seconds",
        "gauge",
        "For how long the oldest appeal against a known label of a project has waited for a ruling; of the "
        "projects where one waits longest.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_adjudicate_annotations_per_unit",
        "histogram",
        "Annotations that a unit had when it was settled or escalated.",
        buckets=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20),
    ),
)
