"""What audit tells of itself."""

from concord.chassis.telemetry import OF_PROJECT, Instrument

INSTRUMENTS = (
    Instrument("concord_audit_lots", "counter", "Verdicts on lots: accepted, rejected.", ("verdict",)),
    Instrument(
        "concord_audit_inspections",
        "counter",
        "Verdicts: correct, wrong, late, repeat (blind, of another's).",
        ("result",),
    ),
    Instrument("concord_audit_rechecks", "counter", "Rechecks that drift has raised and auditors have finished."),
    Instrument("concord_audit_lots_open", "gauge", "Lots that wait for resolutions or inspection."),
    Instrument(
        "concord_audit_lots_by_status",
        "gauge",
        "The same by how they stand: sealed, auditing, inspecting_all, relabelling; rechecks: gathering, rechecking.",
        ("status",),
    ),
    Instrument(
        "concord_audit_project_lot_oldest_seconds",
        "gauge",
        "How long ago the oldest lot of a project was sealed that is not decided, of those that wait longest.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_audit_project_held_oldest_seconds",
        "gauge",
        "How long ago the lot of a project was held whose units in a radius have waited longest to be inspected.",
        OF_PROJECT,
    ),
    Instrument("concord_audit_lots_standing", "gauge", "Lots that cannot go on by themselves: the lot says why."),
    Instrument(
        "concord_audit_project_lots_standing",
        "gauge",
        "Lots of a project that cannot go on by themselves; of the projects with most.",
        OF_PROJECT,
    ),
    Instrument(
        "concord_audit_lots_without_auditor",
        "gauge",
        "Lots of which whoever asked for work since their last verdict had a part in all that they need.",
    ),
    Instrument(
        "concord_audit_lots_held",
        "gauge",
        "Lots that are not accepted before units of annotators were inspected who are at fault for another lot.",
    ),
    Instrument("concord_audit_annotators_at_fault", "counter", "Annotators found at fault for a lot's rejection."),
    Instrument(
        "concord_audit_webhook_attempts",
        "counter",
        "Attempts to deliver a webhook: delivered, failed, or refused: its address is not of the public internet.",
        ("result",),
    ),
    Instrument("concord_audit_webhook_dead_letters", "counter", "Webhook deliveries that failed for a whole day."),
    Instrument(
        "concord_audit_webhooks_left_out",
        "counter",
        "Events that were not delivered to a webhook, as too many of its deliveries waited or were dead.",
    ),
    Instrument("concord_audit_webhooks_waiting", "gauge", "Webhook deliveries that wait for their receiver."),
    Instrument(
        "concord_audit_project_webhook_oldest_seconds",
        "gauge",
        "How long ago the webhook delivery of a project fell due that waits longest, of those that wait longest.",
        OF_PROJECT,
    ),
)
