"""Whether somebody may do a project's real work, by what they did on its hidden gold; only where the project asks."""

from typing import Literal

import msgspec

from concord.quality.qualification import about_more, fallen, reached

Asked = Literal["no", "once", "each_version"]
Standing = Literal["qualifying", "qualified", "failed"]


class Bar(msgspec.Struct, frozen=True):
    """What a project asks for.

    Attributes:
        asked: of nobody, of everybody once, or again under each version of the guideline.
        accuracy: on gold, of which the lower bound must reach it.
        units_max: gold units after which somebody who has not reached it has failed.
        version: of the guideline now.
        retrain_units: how many units that they missed somebody who failed looks at before they try again; 0: none.
        attempts_max: how often somebody may fail in a row and still try again by that way.
    """

    asked: Asked
    accuracy: float
    units_max: int
    version: int
    retrain_units: int = 0
    attempts_max: int = 3


class QualificationState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How somebody stands in a project.

    Attributes:
        revision: of what was last told of their answers on gold.
        units, right: of all that they answered there, as far as it was told.
        from_units, from_right: what of that was before this attempt, or before they were last looked at.
        version: of the guideline under which they are looked at.
        attempt: how often they began, from 1.
        failures: how often they failed in a row.
        since_us: since when they stand so, or began this attempt, microseconds since the epoch, UTC.
    """

    project_id: str
    annotator_id: str
    revision: int = 0
    units: int = 0
    right: int = 0
    from_units: int = 0
    from_right: int = 0
    version: int = 0
    standing: Standing = "qualifying"
    attempt: int = 1
    failures: int = 0
    since_us: int = 0

    @property
    def answered(self) -> tuple[int, int]:
        """How many they got right of those that count now, and how many these are.

        Of gold that is judged no more it is not known whether it was answered before the attempt or in it.
        """
        units = max(0, self.units - self.from_units)
        return min(units, max(0, self.right - self.from_right)), units


class Progress(msgspec.Struct, frozen=True):
    """How far somebody is who must qualify.

    Attributes:
        standing: qualifying or failed; never qualified, since what they do on gold is then hidden again.
        answered: gold units that count.
        about_more: about how many more it takes.
        retraining: they are shown what they missed, and may appeal it.
        last: having looked at it they may not try again, but by an operator's leave.
    """

    standing: Standing
    answered: int
    about_more: int
    retraining: bool = False
    last: bool = False


def progress(state: QualificationState | None, bar: Bar) -> Progress | None:
    """Return how far somebody is; None for who may do the project's work.

    >>> progress(None, Bar("once", 0.8, 30, 1))
    Progress(standing='qualifying', answered=0, about_more=14, retraining=False, last=False)
    >>> progress(None, Bar("no", 0.8, 30, 1)) is None
    True
    """
    if bar.asked == "no":
        return None
    now = state if state is not None and not _outdated(state, bar) else None
    if now is not None and now.standing == "qualified":
        return None
    right, units = (0, 0) if now is None else now.answered
    standing: Standing = "qualifying" if now is None else now.standing
    looks = now is not None and may_look(now, bar)
    last = looks and now is not None and not may_retrain(now, bar)
    return Progress(standing, units, about_more(right, units, bar.accuracy, bar.units_max), looks, last)


def hear(state: QualificationState | None, qualification: QualificationState, bar: Bar) -> QualificationState | None:
    """Return how somebody stands once more is told of their answers; None where that changes nothing.

    Of who is qualified only a fall changes anything, so that nothing is written for what is told of them all day: they
    are looked at in spans of `units_max` units, so that a long good past hides nothing.

    Args:
        state: as it was.
        qualification: revision, units and right are what was told.
        bar: what the project asks for.
    """
    if bar.asked == "no" or (state is not None and qualification.revision <= state.revision):
        return None
    now = state or QualificationState(qualification.project_id, qualification.annotator_id, version=bar.version)
    if _outdated(now, bar):
        now = _anew(now, bar)
    taken_back = qualification.units < now.units
    now = msgspec.structs.replace(
        now, revision=qualification.revision, units=qualification.units, right=qualification.right
    )
    return _looked_at(now, bar) if now.standing == "qualified" else _judged(now, bar, taken_back=taken_back)


def _looked_at(now: QualificationState, bar: Bar) -> QualificationState | None:
    """Return somebody qualified as they stand after what was told; None where that changes nothing."""
    right, units = now.answered
    if fallen(right, units, bar.accuracy):
        return msgspec.structs.replace(now, standing="failed") if bar.retrain_units else _anew(now, bar)
    if units < bar.units_max:
        return None
    return msgspec.structs.replace(now, from_units=now.units, from_right=now.right)


def _judged(now: QualificationState, bar: Bar, *, taken_back: bool) -> QualificationState:
    """Return somebody who is qualifying, or has failed, as they stand after what was told.

    Who has failed goes on, or has passed, where some of what they failed by is judged no more (`taken_back`).
    """
    right, units = now.answered
    if now.standing == "failed" and not taken_back:
        return now
    if reached(right, units, bar.accuracy):
        return msgspec.structs.replace(
            now, standing="qualified", from_units=now.units, from_right=now.right, failures=0
        )
    if units < bar.units_max:
        return msgspec.structs.replace(now, standing="qualifying")
    return msgspec.structs.replace(now, standing="failed", failures=now.failures + (now.standing != "failed"))


def may_look(state: QualificationState, bar: Bar) -> bool:
    """Return whether somebody has failed and is shown what they missed, where the project says so."""
    return state.standing == "failed" and bar.retrain_units > 0


def may_retrain(state: QualificationState, bar: Bar) -> bool:
    """Return whether somebody has failed and may try again once they have looked at what they missed."""
    return may_look(state, bar) and state.failures <= bar.attempts_max


def retrained(state: QualificationState | None, attempt: int, bar: Bar) -> QualificationState | None:
    """Return somebody at the beginning of another attempt who has looked at what they missed in this one.

    None where that changes nothing: they are not to be retrained, or have begun since.
    """
    if state is None or state.attempt != attempt or _outdated(state, bar) or not may_retrain(state, bar):
        return None
    return _anew(state, bar)


def again(state: QualificationState | None, bar: Bar) -> QualificationState | None:
    """Return who failed at the beginning of another attempt, by the operator's leave; None for anybody else."""
    if state is None or state.standing != "failed" or _outdated(state, bar):
        return None
    return msgspec.structs.replace(_anew(state, bar), failures=0)


def dated(before: QualificationState | None, after: QualificationState, now_us: int) -> QualificationState:
    """Return how somebody stands with since when that is, where it is another standing or attempt than before.

    >>> dated(None, QualificationState("k1-p", "ann"), 7).since_us
    7
    """
    if before is not None and (before.standing, before.attempt) == (after.standing, after.attempt):
        return after
    return msgspec.structs.replace(after, since_us=now_us)


def _outdated(state: QualificationState, bar: Bar) -> bool:
    return bar.asked == "each_version" and state.version != bar.version


def _anew(state: QualificationState, bar: Bar) -> QualificationState:
    return msgspec.structs.replace(
        state,
        from_units=state.units,
        from_right=state.right,
        version=bar.version,
        standing="qualifying",
        attempt=state.attempt + 1,
    )
