"""What assign tells of itself."""

from concord.chassis.telemetry import OF_PROJECT, Instrument

FIRST_LABEL_BUCKETS = (10, 60, 300, 900, 3_600, 14_400, 28_800, 86_400, 259_200, 604_800, 1_209_600, 2_592_000)

INSTRUMENTS = (
    Instrument("concord_assign_issued", "counter", "Units leased to annotators; leases offered again left out."),
    Instrument("concord_assign_claims_without_work", "counter", "Claims for which nothing was to be had."),
    Instrument(
        "concord_assign_submissions",
        "counter",
        "Labels sent, by what became of them: accepted, late, repeated, refused.",
        ("status",),
    ),
    Instrument(
        "concord_assign_revisions",
        "counter",
        "Labels revised by whoever gave them, by what became of that: accepted, repeated, refused.",
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
        "concord_assign_annotators",
        "gauge",
        "Annotators in this process's projects, each once: labelling (hold a lease), or idle: asked for work within "
        "ten minutes and hold none.",
        ("state",),
    ),
    Instrument(
        "concord_assign_project_annotators", "gauge", "The same in a project, of the busiest.", (*OF_PROJECT, "state")
    ),
    Instrument(
        "concord_assign_project_waiting_units",
        "gauge",
        "Units of a project that wait, of the busiest.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_assign_project_oldest_seconds",
        "gauge",
        "How long ago the oldest unit of a project that waits was admitted, as far as it is in memory; 0: none waits.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_assign_first_label_seconds",
        "histogram",
        "From a unit's admission to the first label of it that counts.",
        buckets=FIRST_LABEL_BUCKETS,
    ),
    Instrument(
        "concord_assign_projects_out_of_gold",
        "gauge",
        "Open projects with units that wait, of whose hidden gold all is stale or was met by as many as may.",
    ),
    Instrument(
        "concord_assign_project_out_of_gold_units",
        "gauge",
        "Units that wait in a project of whose hidden gold none may be shown any more, of those in which most do.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_assign_annotators_without_gold",
        "gauge",
        "Annotators who asked in the last day, are given hidden gold alone, and have met all that may be shown.",
    ),
    Instrument(
        "concord_assign_project_annotators_without_gold",
        "gauge",
        "Annotators of a project who asked, and for whom none of its gold is left; of those with most.",
        OF_PROJECT,
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
        "concord_assign_project_annotators_awaiting_lead",
        "gauge",
        "Annotators of a project who wait for its lead's word; of the projects with most.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_assign_project_conduct_appeal_waiting_seconds",
        "gauge",
        "For how long the oldest appeal of a project against a rule of pace or skips has waited for a lead's word, of "
        "those that wait longest.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_assign_units_nobody_can_label",
        "gauge",
        "Units that want labels which nobody who is defined can give: all have had them, or nobody has the skills.",
    ),
    Instrument(
        "concord_assign_project_units_nobody_can_label",
        "gauge",
        "Units of a project that want labels which nobody can give; of the projects with most.",
        OF_PROJECT,
    ),
)
