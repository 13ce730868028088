"""What somebody who failed to qualify is to look at before they try again: the gold that they got wrong."""

import msgspec


class NothingToRetrain(LookupError):
    """There is nothing that this annotator is to look at in this project."""

    field = "project_id"
    cure = "GET /v1/me at assign says in which project there is"


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
    """

    project_id: str
    annotator_id: str
    attempt: int
    missed: tuple[Missed, ...] = ()
    finished: bool = False

    def missed_unit(self, unit_id: str) -> Missed | None:
        """Return what they got wrong in a unit; None where it is none that they are shown."""
        return next((unit for unit in self.missed if unit.unit_id == unit_id), None)


def begun(state: RetrainingState | None, retraining: RetrainingState) -> RetrainingState | None:
    """Return what somebody is to look at, as it was told; None where that is known, or of an earlier attempt."""
    return retraining if state is None or retraining.attempt > state.attempt else None


def finished(state: RetrainingState | None, attempt: int) -> RetrainingState:
    """Return that somebody has looked at all of it.

    Raises:
        NothingToRetrain: there is nothing, or of another attempt.
    """
    if state is None or state.attempt != attempt:
        raise NothingToRetrain("There is nothing that you are to look at in this project.")
    return msgspec.structs.replace(state, finished=True)
