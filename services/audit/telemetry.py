"""What audit tells of itself."""

from concord.chassis.telemetry import Instrument

INSTRUMENTS = (
    Instrument("concord_audit_lots", "counter", "Verdicts on lots: accepted, rejected.", ("verdict",)),
    Instrument("concord_audit_inspections", "counter", "Units inspected: correct, wrong.", ("result",)),
    Instrument("concord_audit_lots_open", "gauge", "Lots that wait for resolutions or inspection."),
)
