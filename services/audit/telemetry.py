"""What audit tells of itself."""

from concord.chassis.telemetry import Instrument

INSTRUMENTS = (
    Instrument("concord_audit_lots", "counter", "Verdicts on lots: accepted, rejected.", ("verdict",)),
    Instrument("concord_audit_inspections", "counter", "Units inspected: correct, wrong, late.", ("result",)),
    Instrument("concord_audit_lots_open", "gauge", "Lots that wait for resolutions or inspection."),
    Instrument("concord_audit_lots_standing", "gauge", "Lots that cannot go on by themselves: the lot says why."),
    Instrument(
        "concord_audit_lots_without_auditor",
        "gauge",
        "Lots of which whoever asked for work since their last verdict had a part in all that they need.",
    ),
)
