"""The walks by name: each cause with its cure, and the alerts that follow."""

from tests.end_to_end.alerts import troubles, waits, walks
from tests.end_to_end.alerts.run import PLATFORM, Expected, Walk


def _walk(kind: type, *expected: Expected) -> Walk:
    found = kind()
    return Walk(found.cause, found.cure, expected)


WALKS = {
    "graded": _walk(walks.Graded, Expected("ConfidenceOverstated"), Expected("ContractTargetBreached")),
    "discontinued": _walk(walks.Discontinued, Expected("AuditLotsStanding")),
    "drift": _walk(walks.Drift, Expected("DriftDetected")),
    "room": _walk(walks.Room, Expected("SeriesWithheld")),
    "parked": _walk(walks.Parked, Expected("EventsParked", PLATFORM)),
    "slow-store": _walk(walks.SlowStore, Expected("SubmissionBudgetBurning", PLATFORM)),
    "store-away": _walk(
        walks.StoreAway,
        Expected("StoreNotAnswering", PLATFORM),
        Expected("LoopStandsStill", silenced=True),
        Expected("LeasesOverdue", silenced=True),
    ),
    "metrics-away": _walk(
        walks.MetricsAway,
        Expected("ServiceNotAnswering", PLATFORM),
        Expected("QualityNotMeasured", PLATFORM, silenced=True),
        Expected("FreshnessBudgetBurning", PLATFORM, silenced=True),
    ),
    "unmeasured": _walk(troubles.Unmeasured, Expected("ProjectNotMeasured")),
    "defects": _walk(troubles.Defects, Expected("LoopFailing"), Expected("ReadModelUnsettled")),
    "memory": _walk(troubles.Memory, Expected("MemoryNearLimit")),
    "restarts": _walk(troubles.Restarts, Expected("ServiceRestarting", PLATFORM)),
    "letters": _walk(troubles.Letters, Expected("DeadLettersArriving")),
    "refused": _walk(troubles.Refused, Expected("CredentialsRefused")),
    "escalations": _walk(waits.Escalations, Expected("EscalationsWaiting")),
    "hasty": _walk(waits.Hasty, Expected("AnnotatorsAwaitLead"), Expected("ConductAppealsWait")),
    "undecided": _walk(waits.Undecided, Expected("LotUndecided")),
}
