"""What assign tells of itself."""

from concord.chassis.telemetry import Instrument

INSTRUMENTS = (
    Instrument("concord_assign_issued", "counter", "Units leased to annotators; leases offered again left out."),
    Instrument("concord_assign_claims_without_work", "counter", "Claims for which nothing was to be had."),
    Instrument(
        "concord_assign_submissions",
        "counter",
        "Labels sent, by what became of them: accepted, late, repeated, refused.",
        ("status",),
    ),
    Instrument("concord_assign_leases_ended", "counter", "Leases that ended without a label, by how.", ("how",)),
    Instrument("concord_assign_waiting_units", "gauge", "Units that wait for an annotator."),
    Instrument("concord_assign_leases", "gauge", "Leases that run."),
    Instrument(
        "concord_assign_lease_overdue_seconds",
        "gauge",
        "How long ago the lease ended that has been over longest and still holds its unit; 0: none does.",
    ),
    Instrument(
        "concord_assign_projects_out_of_gold",
        "gauge",
        "Open projects that show hidden gold, and of whose gold all is stale or was met by as many as may.",
    ),
    Instrument(
        "concord_assign_annotators_without_gold",
        "gauge",
        "Annotators who asked in the last day, are given hidden gold alone, and have met all that may be shown.",
    ),
    Instrument(
        "concord_assign_rules_broken",
        "counter",
        "Rules of conduct that began to hold against somebody, by rule (pace, skips) and by what comes of it.",
        ("rule", "then"),
    ),
    Instrument(
        "concord_assign_annotators_awaiting_lead",
        "gauge",
        "Annotators who are given nothing new in a project until its lead lets them go on.",
    ),
    Instrument(
        "concord_assign_units_nobody_can_label",
        "gauge",
        "Units that want labels which nobody who is defined can give: all have had them, or nobody has the skills.",
    ),
)
