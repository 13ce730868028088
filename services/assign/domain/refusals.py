"""What is refused, and why: sentences for the one who asked, with the field and the cure."""

from datetime import UTC, datetime


class Refusal(Exception):
    """Something that was asked cannot be done.

    Attributes:
        field: what in the request it is about.
        cure: what to do instead, as a clause.
    """

    field = "assignment_id"
    cure = ""

    def __init__(self, detail: str, *, field: str | None = None, cure: str | None = None) -> None:
        super().__init__(detail)
        self.field = field or self.field
        self.cure = cure or self.cure


class NotOffered(Refusal):
    """The unit is no longer to be had by this annotator: its overlap is full, or it was seen before."""

    field = "unit_id"
    cure = "claim again"


class OnBreak(Refusal):
    """The annotator was asked for a break that is not over; what they hold already may be finished."""

    field = "project_id"

    def __init__(self, reason: str, until_us: int) -> None:
        until = _second(until_us)
        super().__init__(f"You are on a break until {until}: {reason}", cure=f"claim again after {until}")


class AwaitsLead(Refusal):
    """The annotator broke a rule of the project, and a lead is to look first; what they hold may be finished."""

    field = "project_id"
    cure = "appeal it where it is wrong: POST /v1/projects/{project_id}/conduct/appeals; the project's lead looks at it"

    def __init__(self, reason: str) -> None:
        super().__init__(f"You are paused in this project until its lead has looked: {reason}")


class NothingHeld(Refusal):
    """There is nothing that a lead could let somebody off."""

    field = "annotator_id"
    cure = "name somebody whom GET /v1/projects/{project_id}/conduct lists"


class AppealedAlready(Refusal):
    """Somebody has answered to what is held against them, and does so once."""

    field = "rule"
    cure = "wait for the word on it: GET /v1/projects/{project_id}/conduct/mine tells it"


class NoAppeal(Refusal):
    """There is no appeal to rule on: none was made, it was ruled on, or what it was about is over."""

    field = "rule"
    cure = "take one that GET /v1/projects/{project_id}/conduct lists with an open appeal"


class OwnConduct(Refusal):
    """Whoever would decide is the one whom it is about."""

    field = "annotator_id"
    cure = "leave it to another lead"


class ConfirmationWanted(Refusal):
    """The label was given faster than the project takes without a second yes."""

    field = "confirmed"
    cure = "look at the unit again, and send the label with confirmed true"

    def __init__(self, ms: int, floor_ms: int) -> None:
        super().__init__(
            f"The label took {ms / 1_000:g} seconds, and too many of your last ones took under {floor_ms / 1_000:g}."
        )


class NotAtWork(Refusal):
    """The annotator is paused or retired; what they hold already may be finished."""

    field = "annotator_id"

    def __init__(self, state: str, reason: str, until_us: int | None) -> None:
        until = f" until {_second(until_us)}" if until_us is not None else ""
        cure = f"claim again after{until.removeprefix(' until')}" if until else "ask the operator to have you active"
        super().__init__(f"You are {state}{until}{': ' if reason else '.'}{reason}", cure=cure)


class NotQualified(Refusal):
    """The annotator has not reached the project's bar on its gold in as many units as it gives."""

    field = "project_id"
    cure = "ask the operator for another try"

    def __init__(self, units: int, *, retraining: bool = False, last: bool = False) -> None:
        super().__init__(f"You have not qualified for this project in {units} units.")
        if retraining:
            missed = "look at what you missed, GET /v1/projects/{project_id}/retraining at adjudicate"
            after = "appeal where you were right; another try is the operator's" if last else "try again"
            self.cure = f"{missed}, and {after}"


class NotFailed(Refusal):
    """There is nothing to try again."""

    field = "annotator_id"
    cure = "name somebody whose standing in the project is failed"


class StateRefused(Refusal):
    """An annotator cannot be in that state next."""

    field = "state"


class GuidelineSuperseded(Refusal):
    """Another version of the guideline is in force, and that one is to be read."""

    field = "version"

    def __init__(self, version: int, current: int) -> None:
        cure = f"read version {current}, and acknowledge that"
        super().__init__(f"Version {current} of the guideline is in force, and not {version}.", cure=cure)


class AssignmentUnknown(Refusal):
    """There is no such assignment, or it is somebody else's, which looks the same."""

    cure = "send an assignment_id as your claim gave it"

    def __init__(self, assignment_id: str) -> None:
        super().__init__(f"You hold no assignment {assignment_id[:120]!r}.")


class LeaseExpired(Refusal):
    """The unit was handed on."""

    cure = "claim again; a label that is ready may still be submitted"


class LeaseOver(Refusal):
    """The assignment was submitted, skipped or returned before."""

    cure = "claim again"


class RenewalsUsedUp(Refusal):
    """The lease was renewed as often as the project allows."""

    cure = "submit, skip or return the unit before the lease ends"


class AnsweredOtherwise(Refusal):
    """Another label was submitted for this assignment before."""

    field = "label"
    cure = "leave it; the first submission stands"


class AnnotationUnknown(Refusal):
    """There is no such annotation, or it is somebody else's, which looks the same."""

    field = "annotation_id"
    cure = "send an annotation_id as your submission was answered with it"

    def __init__(self, annotation_id: str) -> None:
        super().__init__(f"You have given no annotation {annotation_id[:120]!r}.")


class NoLabelYet(Refusal):
    """The unit is still the annotator's to label."""

    field = "annotation_id"
    cure = "submit a label first"


class RevisionTooLate(Refusal):
    """What comes of the unit is settled, or the label does not count any more."""

    field = "annotation_id"
    cure = "leave it; the label that you gave before stands"


class RevisionsUsedUp(Refusal):
    """The label was revised as often as it may be."""

    field = "revision"
    cure = "leave it; your last revision stands"


class RevisedOtherwise(Refusal):
    """Another revision of the label was taken before."""

    field = "revision"

    def __init__(self, detail: str, newest: int) -> None:
        cure = f"look at the label as it stands, and send revision {newest + 1} if it is to be another"
        super().__init__(f"{detail}; the newest is {newest}.", cure=cure)


class StandsAsGiven(Refusal):
    """What the annotator gave in the project is revised no more: it is closed, or they qualify for it."""

    field = "annotation_id"
    cure = "leave it; the label that you gave before stands"


class LabelRefused(Refusal):
    """The label does not fit the project's schema."""

    field = "label"


class NoDraft(Refusal):
    """Nothing is kept of this assignment."""

    cure = "save a draft first"

    def __init__(self, assignment_id: str) -> None:
        super().__init__(f"No draft of {assignment_id[:120]!r} is kept.")


class DraftSuperseded(Refusal):
    """Another page has saved since the one that was built on."""

    field = "revision"

    def __init__(self, revision: int, newest: int) -> None:
        cure = f"get the draft, and save over it with revision {newest}" if newest else "save with revision 0"
        super().__init__(f"The draft is at revision {newest}, and this was made from revision {revision}.", cure=cure)


class DraftTooLong(Refusal):
    """More than is kept of a label."""

    field = "draft"

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"The draft takes {size} bytes.", cure=f"send at most {most}")


class ProjectUnknown(Refusal):
    """There is no such project."""

    field = "project_id"
    cure = "check the id; one that was defined this moment is known in a few seconds"


class AnnotatorUnknown(Refusal):
    """Nobody has said who this annotator is."""

    field = "annotator_id"
    cure = "ask the operator to define the annotator first"


def _second(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
