"""What somebody who failed to qualify is to look at before they try again: the gold that they got wrong."""

import msgspec

EARLIER_MAX = 100
"""Units of one annotator's earlier attempts that are kept, the newest: they may ask what came of their appeals."""


class NothingToRetrain(LookupError):
    """There is nothing that this annotator is to look at in this project."""

    field = "project_id"
    cure = "GET /v1/me at assign says in which project there is"


class NoAttemptLeft(ValueError):
    """They have failed as often as the project lets anybody: having looked at what they missed does not end it."""

    field = "attempt"
    cure = "appeal where you were right; an operator may let you try again"


class Missed(msgspec.Struct, frozen=True, array_like=True):
    """A gold unit that they got wrong: canonical JSON of both labels."""

    unit_id: str
    known: str
    given: str


class RetrainingState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one annotator is to look at in a project.

    Attributes:
        attempt: of qualifying, in which they failed.
        missed: newest first.
        finished: they have looked at all of it.
        last: no attempt follows by that.
        earlier: units that they were shown after earlier attempts, newest first.
    """

    project_id: str
    annotator_id: str
    attempt: int
    missed: tuple[Missed, ...] = ()
    finished: bool = False
    last: bool = False
    earlier: tuple[str, ...] = ()

    def shown(self) -> list[str]:
        """Return the units that they were ever shown, as far as that is kept, newest first, each once."""
        return list(dict.fromkeys((*(unit.unit_id for unit in self.missed), *self.earlier)))

    def missed_unit(self, unit_id: str) -> Missed | None:
        """Return what they got wrong in a unit; None where it is none that they are shown."""
        return next((unit for unit in self.missed if unit.unit_id == unit_id), None)


def begun(state: RetrainingState | None, retraining: RetrainingState) -> RetrainingState | None:
    """Return what somebody is to look at, as it was told; None where that is known, or of an earlier attempt."""
    if state is None:
        return retraining
    if retraining.attempt <= state.attempt:
        return None
    return msgspec.structs.replace(retraining, earlier=tuple(state.shown()[:EARLIER_MAX]))


def finished(state: RetrainingState | None, attempt: int) -> RetrainingState:
    """Return that somebody has looked at all of it.

    Raises:
        NothingToRetrain: there is nothing, or of another attempt.
        NoAttemptLeft: it was their last.
    """
    if state is None or state.attempt != attempt:
        raise NothingToRetrain("There is nothing that you are to look at in this project.")
    if state.last:
        raise NoAttemptLeft("That was the last attempt that the project gives you.")
    return msgspec.structs.replace(state, finished=True)
