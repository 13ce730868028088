"""Re-identification: a question about who is behind a unit's data is answered once it is told that it was asked."""

import msgspec

from concord.chassis.errors import FieldError, Gone, Invalid, NotFound
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Kind
from concord.chassis.sealing import CannotBeOpened
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.ids import client_of, keyed
from concord.privacy import compared, in_clear, pseudonyms_in
from services.ingest.announcements import SERVICE, unit_reidentified
from services.ingest.domain.identity import UnitState
from services.ingest.domain.project import Fault, Privacy
from services.ingest.domain.reidentification import (
    Answer,
    Asked,
    NotTraceable,
    Question,
    asked_once_more,
    candidate_faults,
    counted,
    kept_reason,
    made,
    must_allow,
)
from services.ingest.repository import Repository

ASKED = Kind("reidentification", Asked)
_originals = msgspec.json.Decoder(list[tuple[str, str]]).decode


class Reidentification:
    """Answers questions about who is behind what was replaced.

    Args:
        repository: where facts are found.
        instruments: those of `telemetry.INSTRUMENTS`.
    """

    def __init__(self, repository: Repository, instruments: Instruments) -> None:
        self.repository = repository
        self.instruments = instruments

    async def ask(self, unit_id: str, question: Question) -> Answer:
        """Answer a question, once its event is stored.

        Raises:
            NotFound: no such unit.
            Gone: it was withdrawn, and with it whatever could tell.
            Invalid: a candidate is none of its kind.
            NotTraceable: the project does not allow it, the unit's content is another's, or the client's key is gone.
            TooOftenAsked: the unit was asked about too often.
            Backlogged, StoreUnavailable: nothing is told; the same may be asked again.
        """
        unit = (await self.repository.shelf.units([unit_id])).get(unit_id)
        if unit is None:
            raise NotFound("There is no such unit.")
        project = await self.repository.project(unit.project_id, client_id=None)
        privacy = project.definition.policy.privacy
        must_allow(privacy, question)
        answer = await self._answer(unit, privacy, question)
        await self._tell(unit, privacy, question, answer)
        self.instruments.counter("concord_ingest_reidentifications", question.how).inc()
        return answer

    async def _answer(self, unit: UnitState, privacy: Privacy, question: Question) -> Answer:
        pseudonyms = self._made(unit.project_id, privacy, question)
        if unit.duplicate_of:
            raise NotTraceable(f"What this unit says is kept as unit {unit.duplicate_of}: ask about that one.")
        try:
            kept = await self.repository.shelf.traceable(unit)
        except CannotBeOpened as fault:
            raise NotTraceable(
                f"The key of client {client_of(unit.project_id)} that this unit was sealed under is not here. "
                "Have it put back, or ask the client, who has the data."
            ) from fault
        if kept is None:
            raise Gone("The unit was withdrawn, and nothing is left that could tell.")
        content, originals = kept
        replaces = sorted(privacy.treatments)
        if question.how == "opened":
            if not originals:
                raise NotTraceable("No originals were kept of this unit: nothing was replaced, or it came in before.")
            return Answer(originals=_originals(originals), replaces=replaces)
        there = pseudonyms_in(content.decode())
        key = self.repository.privacy_key(unit.project_id)
        clear = in_clear(msgspec.json.decode(content), question.candidates, key, privacy.regions)
        pairs = zip(question.candidates, pseudonyms, strict=True)
        return Answer(
            [compared(candidate.kind, pseudonym, there, clear) for candidate, pseudonym in pairs], replaces=replaces
        )

    def _made(self, project_id: str, privacy: Privacy, question: Question) -> list[str]:
        faults = list(candidate_faults(question.candidates))
        found = made(question.candidates, privacy, self.repository.privacy_key(project_id)) if not faults else []
        if isinstance(found, Fault):
            faults, found = [found], []
        if faults:
            raise Invalid("A candidate cannot be compared.", [FieldError(*fault) for fault in faults])
        return found

    async def _tell(self, unit: UnitState, privacy: Privacy, question: Question, answer: Answer) -> None:
        """Store that it was asked, with the event that tells it."""
        repository, kinds = self.repository, counted(question, answer)
        reason = kept_reason(question, answer, privacy, repository.privacy_key(unit.project_id))
        now_us = repository.journal.clock.now_us()
        # Keyed, for it is told with the event: nobody finds out a value by trying.
        values = [f"{kind}:{value}" for kind, value in question.candidates]
        mark = keyed(repository.id_secret, unit.project_id, question.asked_by, question.reason, *values)
        cause_id, trace = f"reidentify/{unit.unit_id}/{now_us}/{mark}", trace_headers()

        def decide(state: Asked | None, now_us: int) -> Decision[Asked]:
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            outgoing = unit_reidentified(announcer, unit, question, reason, kinds)
            return Decision(asked_once_more(state), [outgoing])

        key = ASKED.key(client_of(unit.project_id), unit.unit_id)
        await repository.journal.decide(ASKED, Cause(key, cause_id, decide))
