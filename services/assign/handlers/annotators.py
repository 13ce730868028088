"""Who annotates."""

from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import eligibility
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.refusals import AnnotatorUnknown
from services.assign.handlers.deciding import Requests
from services.assign.repository import ANNOTATOR, Repository, annotator_key


class Annotators:
    """The people and models who annotate.

    Args:
        repository: where facts are found.
        requests: names requests.
    """

    def __init__(self, repository: Repository, requests: Requests) -> None:
        self.repository = repository
        self.requests = requests

    async def define(self, wanted: AnnotatorState) -> tuple[AnnotatorState, bool]:
        """Say who an annotator is; return the state and whether the annotator is new."""
        known = await self.repository.annotator_stored(wanted.annotator_id)
        cause_id, trace = self.requests.next(), trace_headers()

        def decide(state: AnnotatorState | None, now_us: int) -> Decision[AnnotatorState] | None:
            after = eligibility.define(state, wanted)
            if after is None:
                return None
            return Decision(after, [announcements.defined(announcer(cause_id, now_us, trace), after)])

        key = annotator_key(wanted.annotator_id)
        outcome = await self.repository.journal.decide(ANNOTATOR, Cause(key, cause_id, decide))
        assert outcome.state is not None, "a definition leaves a state"
        return outcome.state, known is None

    async def get(self, annotator_id: str) -> AnnotatorState:
        """Return an annotator as last told: what another process defines is known here within seconds.

        Raises:
            AnnotatorUnknown: nobody has.
        """
        return _known(annotator_id, await self.repository.annotator(annotator_id))

    async def defined(self, annotator_id: str) -> AnnotatorState:
        """Return an annotator as last defined, by whichever process.

        Raises:
            AnnotatorUnknown: nobody has.
        """
        return _known(annotator_id, await self.repository.annotator_stored(annotator_id))


def _known(annotator_id: str, found: AnnotatorState | None) -> AnnotatorState:
    if found is None:
        raise AnnotatorUnknown(f"Nobody has defined annotator {annotator_id[:120]!r}.")
    return found
