"""How metrics' findings are told to the others: its events, worded.

An event's id follows from what it says, so that the same finding, reached again after a restart, is the same event.
"""

import hashlib
from collections.abc import Sequence

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.contracts.ids import client_of
from concord.contracts.topics import QUALITY
from concord.contracts.v1.quality_pb2 import (
    AgreementMeasured,
    BreakRequired,
    CompetenceEstimated,
    CrowdMeasured,
    DriftDetected,
    GoldAnswers,
    GoldDoubted,
    GoldSaid,
    GoldUnits,
    Interval,
    MissedGold,
    QualityEvent,
    StandingChanged,
    TargetBreached,
    TargetRecovered,
)
from concord.quality.estimate import Estimate
from services.metrics.domain.agreement import COEFFICIENT
from services.metrics.domain.crowd import CrowdFound
from services.metrics.domain.doubting import Doubted
from services.metrics.domain.drift import DRIFT_LIMIT, Drifted
from services.metrics.domain.fatigue import Due
from services.metrics.domain.missed import Missed
from services.metrics.domain.standing import Competence
from services.metrics.domain.targets import Target, Turn

SERVICE = "metrics"
DIGEST_CHARACTERS = 16


def competence_estimated(
    project_id: str,
    classes: int,
    answers: Sequence[tuple[int, int, int]],
    found: Competence,
    field: str = "",
    missed: Sequence[Missed] = (),
) -> Outgoing:
    """Return the event of how well an annotator does on gold; its time is that of the newest answer.

    `field`: of labels that have several; the others' field is empty. `missed`: what gold they got wrong, where that is
    to be shown to them.
    """
    estimated = CompetenceEstimated(
        annotator_id=found.annotator_id,
        revision=found.revision,
        classes=classes,
        answers=[GoldAnswers(known=known, given=given, times=times) for known, given, times in answers],
        gold_units=found.gold_units,
        gold_correct=found.gold_correct,
        accuracy=_interval(found.accuracy),
        annotations=found.annotations,
        active_ms_median=found.active_ms_median,
        field=field,
        missed=[
            MissedGold(unit_id=unit.unit_id, known_label=unit.known.encode(), given_label=unit.given.encode())
            for unit in missed
        ],
    )
    name = f"{project_id}/{found.annotator_id}/{found.revision}{_of(field)}"
    return _event(
        name, found.annotator_id, project_id, found.answered_at_us, QualityEvent(competence_estimated=estimated)
    )


def crowd_measured(project_id: str, found: CrowdFound, field: str = "") -> Outgoing:
    """Return the event of what gold says of a project as a whole; its time is that of the newest of it."""
    measured = CrowdMeasured(
        revision=found.revision,
        classes=found.classes,
        dependence=found.dependence.rho,
        dependence_units=found.dependence.units,
        gold_units=[GoldUnits(known=known, units=units) for known, units in found.gold_units],
        gold_answers=found.gold_answers,
        field=field,
    )
    name = f"{project_id}/crowd/{found.revision}{_of(field)}"
    return _event(name, project_id, project_id, found.learnt_at_us, QualityEvent(crowd_measured=measured))


def gold_doubted(project_id: str, doubt: Doubted) -> Outgoing:
    """Return the event of a gold unit whose known label is in doubt, as of the newest answer to it."""
    doubted = GoldDoubted(
        unit_id=doubt.unit_id,
        known_label=doubt.known.encode(),
        said=[GoldSaid(label=label.encode(), annotators=times) for label, times in doubt.said],
        good=doubt.found.good,
        disagreeing=doubt.found.disagreeing,
        share_low=doubt.found.low,
        annotators=doubt.annotators,
        closed_since=doubt.closed_since,
    )
    envelope = QualityEvent(gold_doubted=doubted)
    about = f"closed/{doubt.closed_since}" if doubt.closed_since else "doubt"
    return _event(f"{project_id}/{about}/{doubt.unit_id}", doubt.unit_id, project_id, doubt.at_us, envelope)


def break_due(project_id: str, annotator_id: str, due: Due) -> Outgoing:
    """Return the event that asks an annotator for a break, or for other work, as of the unit that was one too many."""
    envelope = QualityEvent()
    if due.kind == "rotation":
        envelope.standing_changed.CopyFrom(
            StandingChanged(annotator_id=annotator_id, standing="paused", reason=due.reason, until_us=due.until_us)
        )
    else:
        envelope.break_required.CopyFrom(
            BreakRequired(annotator_id=annotator_id, reason=due.reason, until_us=due.until_us)
        )
    return _event(f"{project_id}/{annotator_id}/break/{due.at_us}", annotator_id, project_id, due.at_us, envelope)


def drift_detected(project_id: str, found: Drifted, now_us: int) -> Outgoing:
    """Return the event of a measure that has drifted, as of when that had held long enough."""
    assert found.psi is not None, "what is not known has not drifted"
    assert found.adjusted is not None
    assert found.reference is not None
    assert found.current is not None
    drift = DriftDetected(
        measure=found.measure,
        value=found.psi,
        limit=DRIFT_LIMIT,
        subject_id=project_id,
        p_value=found.adjusted,
        reference_units=round(found.reference.units),
        current_units=round(found.current.units),
        reference_until_us=found.reference.until_us,
        current_from_us=found.current.from_us,
        category=found.grown,
    )
    name = f"{project_id}/drift/{found.measure}/{now_us}"
    return _event(name, project_id, project_id, now_us, QualityEvent(drift_detected=drift))


def target_turned(project_id: str, target: Target, turn: Turn, now_us: int) -> Outgoing:
    """Return the event of a target that is certainly missed, or met again, as of when that had held long enough."""
    found = target.estimate
    assert found.value is not None, "what is not defined is neither met nor missed"
    kind = TargetBreached if turn == "breached" else TargetRecovered
    turned = kind(
        target=target.name, limit=target.limit, value=found.value, interval=_interval(found), units=found.units
    )
    envelope = QualityEvent(**{f"target_{turn}": turned})  # type: ignore[arg-type] # by name
    return _event(f"{project_id}/target/{target.name}/{now_us}", project_id, project_id, now_us, envelope)


def agreement_measured(project_id: str, alpha: Estimate, newest_us: int, field: str = "") -> Outgoing:
    """Return the event of how far annotators agree; its time is that of the newest label behind it."""
    measured = AgreementMeasured(
        coefficient=COEFFICIENT,
        value=alpha.value,
        interval=_interval(alpha),
        units=alpha.units,
        reason=alpha.reason,
        field=field,
    )
    name = f"{project_id}/agreement/{newest_us}{_of(field)}"
    return _event(name, project_id, project_id, newest_us, QualityEvent(agreement_measured=measured))


def _of(field: str) -> str:
    return f"/{field}" if field else ""


def _interval(found: Estimate) -> Interval | None:
    return None if found.low is None or found.high is None else Interval(low=found.low, high=found.high)


def _event(name: str, key: str, project_id: str, at_us: int, envelope: QualityEvent) -> Outgoing:
    digest = hashlib.sha256(envelope.SerializeToString(deterministic=True)).hexdigest()[:DIGEST_CHARACTERS]
    announcer = Announcer(SERVICE, f"{name}/{digest}", at_us)
    return announcer.event(QUALITY, key, client_of(project_id), project_id, envelope)
