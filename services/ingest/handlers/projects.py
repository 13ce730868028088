"""Projects: what is to be labelled, how, and what the contract promises."""

import asyncio
import hashlib
from typing import NamedTuple

import msgspec

from concord.chassis.clock import Clock
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from concord.labels import LabelSchema, SchemaFault, schema_from
from concord.privacy import hashed
from services.ingest.announcements import SERVICE, project_defined
from services.ingest.domain.changes import Change, changes
from services.ingest.domain.defining import defined, definition_faults, stated_whole
from services.ingest.domain.guideline import GuidelineDoesNotExist, example_faults
from services.ingest.domain.life import turned
from services.ingest.domain.planning import planning_faults
from services.ingest.domain.privacy import privacy_faults
from services.ingest.domain.project import (
    NOBODY,
    Author,
    Definition,
    Fault,
    Life,
    Policy,
    ProjectDoesNotExist,
    ProjectRefused,
    ProjectState,
)
from services.ingest.domain.schema_versions import SchemaDoesNotExist
from services.ingest.domain.stated import NOTHING, Stated, must_be_newest, stated_faults
from services.ingest.repository import PROJECT, Repository, Revision, Revisions


class Changed(NamedTuple):
    """A field that a revision of a project changed, and the revision: who made it, and when."""

    revision: Revision
    change: Change


class Defined(NamedTuple):
    """A project as a definition left it.

    Attributes:
        state: as it is now.
        new: whether it was not there before.
        changed: the fields that the definition changed of one that was, as `changes` names them.
    """

    state: ProjectState
    new: bool
    changed: tuple[str, ...]


class Projects:
    """The projects of all clients.

    Args:
        repository: where facts are found.
        clock: time.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self.repository = repository
        self.clock = clock
        self.revisions = Revisions(repository.store)
        self._planning = asyncio.Lock()

    async def define(
        self,
        client_id: str,
        slug: str,
        definition: Definition,
        author: Author = NOBODY,
        stated: Stated = NOTHING,
        *,
        dry_run: bool = False,
    ) -> Defined:
        """Define a project or define it anew; saying the same again changes nothing.

        Args:
            client_id: whose.
            slug: its name among theirs.
            definition: whole.
            author: who says it.
            stated: what they say that the project is.
            dry_run: nothing is written; what is returned is what would come of it.

        Raises:
            ProjectRefused: what is wrong with the definition, or with what is stated.
            RevisionIsAnother: it was made from a revision that is the newest no more, and would change the newest.
            ProjectNotOpen: the project is closed.
        """
        try:
            schema = schema_from(definition.label_schema)
        except SchemaFault as fault:
            path = f"label_schema{fault.path.removeprefix('$')}"
            raise ProjectRefused([Fault(path, fault.problem, fault.cure)]) from fault
        await self._check(definition, schema)
        project_id = f"{client_id}-{slug}"
        policy = self._without_names(project_id, stated_whole(definition.policy))
        definition = msgspec.structs.replace(
            definition, label_schema=schema.spec(), name=definition.name or slug, policy=policy
        )
        trace = trace_headers()
        before: list[ProjectState | None] = [None]

        def decide(state: ProjectState | None, now_us: int) -> Decision[ProjectState] | None:
            before[0] = state
            after = _defined(state, client_id, project_id, definition, author, stated)
            if after is None:
                return None
            announcer = Announcer(SERVICE, f"define/{project_id}/{after.revision}", now_us, trace)
            return Decision(after, [project_defined(announcer, after)])

        key = PROJECT.key(client_id, project_id)
        if dry_run:
            there = (await self.repository.journal.states(PROJECT, [key])).get(key)
            return _outcome(there, _defined(there, client_id, project_id, definition, author, stated) or there)
        # Every call is a cause of its own, since A, B and A again are three definitions; `defined` knows repeats.
        digest = hashlib.sha256(msgspec.json.encode(definition)).hexdigest()
        cause = Cause(key, f"define/{self.clock.now_us()}/{digest}", decide)
        outcome = await self.repository.journal.decide(PROJECT, cause)
        return _outcome(before[0], outcome.state)

    async def turn(self, project: ProjectState, life: Life, reason: str, author: Author) -> ProjectState:
        """Pause a project, resume it or close it, and return it as it is then; saying it again changes nothing.

        Raises:
            ProjectRefused: the reason is too long.
            ProjectNotOpen: it is closed, which is for good.
        """
        trace, project_id = trace_headers(), project.project_id

        def decide(state: ProjectState | None, now_us: int) -> Decision[ProjectState] | None:
            if state is None:
                raise ProjectDoesNotExist(f"There is no project {project_id}.")
            after = turned(state, life, reason, author)
            if after is None:
                return None
            announcer = Announcer(SERVICE, f"define/{project_id}/{after.revision}", now_us, trace)
            return Decision(after, [project_defined(announcer, after)])

        # As with definitions: paused, resumed and paused again are three changes.
        cause = Cause(PROJECT.key(project.client_id, project_id), f"{life}/{self.clock.now_us()}/{reason}", decide)
        outcome = await self.repository.journal.decide(PROJECT, cause)
        assert outcome.state is not None, "it was there"
        return outcome.state

    async def changes(self, project: ProjectState, after: int, revisions_max: int) -> tuple[list[Changed], int | None]:
        """Return what the revisions after one changed, oldest first, and after which the list goes on; None: ends.

        Args:
            project: whose.
            after: a revision; 0: from the beginning.
            revisions_max: how many revisions at most.
        """
        found: list[Changed] = []
        before: ProjectState | None = None
        last = after + revisions_max
        async for revision in self.revisions.of(project, after, last + 1):
            if revision.state.revision > last:
                return found, last
            if revision.state.revision > after:
                found += [Changed(revision, change) for change in changes(before, revision.state)]
            before = revision.state
        return found, None

    async def guidelines(self, project: ProjectState, after: int, count_max: int) -> tuple[list[Revision], int | None]:
        """Return the revisions in which the versions of a guideline after one came, and after which the list goes on.

        Args:
            project: whose.
            after: a version; 0: from the first on.
            count_max: how many at most.
        """
        return await self._page(project, (await self._newest(project)).versions_from, after, count_max)

    async def guideline(self, project: ProjectState, version: int) -> Revision:
        """Return the revision in which a version of a project's guideline came.

        Raises:
            GuidelineDoesNotExist: there is no such version.
        """
        began = (await self._newest(project)).versions_from
        if not 1 <= version <= len(began):
            raise GuidelineDoesNotExist(f"The guideline has versions 1 to {len(began)}, and none {version}.")
        return await self._revision(project, began[version - 1])

    async def schemas(self, project: ProjectState, after: int, count_max: int) -> tuple[list[Revision], int | None]:
        """Return the revisions in which the versions of a label schema after one came; otherwise as `guidelines`."""
        return await self._page(project, (await self._newest(project)).schemas_from, after, count_max)

    async def schema(self, project: ProjectState, version: int) -> Revision:
        """Return the revision in which a version of a project's label schema came.

        Raises:
            SchemaDoesNotExist: there is no such version.
        """
        began = (await self._newest(project)).schemas_from
        if not 1 <= version <= len(began):
            raise SchemaDoesNotExist(f"The label schema has versions 1 to {len(began)}, and none {version}.")
        return await self._revision(project, began[version - 1])

    async def _page(
        self, project: ProjectState, began: tuple[int, ...], after: int, count_max: int
    ) -> tuple[list[Revision], int | None]:
        wanted = began[after : after + count_max]
        found = [await self._revision(project, number) for number in wanted]
        return found, after + len(wanted) if after + len(wanted) < len(began) else None

    async def _newest(self, project: ProjectState) -> ProjectState:
        """Return a project as its newest record has it that is known here: the topic does not tell all of it."""
        newest = self.repository.projects.get(project.project_id, project)
        return (await self._revision(project, newest.revision)).state

    async def _revision(self, project: ProjectState, number: int) -> Revision:
        (found,) = [revision async for revision in self.revisions.of(project, number, number)]
        return found

    def _without_names(self, project_id: str, policy: Policy) -> Policy:
        """Return a policy whose names are keyed hashes, in an order of their own: nobody is to read them there."""
        key = self.repository.privacy_key(project_id)
        names = tuple(sorted({hashed(key, name) for name in policy.privacy.names}))
        return msgspec.structs.replace(policy, privacy=msgspec.structs.replace(policy.privacy, names=names))

    async def _check(self, definition: Definition, schema: LabelSchema) -> None:
        """Refuse a definition that is out of range, or whose lots could not be audited.

        Finding a plan takes up to seconds of CPU: off the event loop, and one at a time, whoever asks.
        """
        faults = [
            *definition_faults(definition),
            *example_faults(definition.guideline_examples, schema),
            *privacy_faults(definition.policy.privacy, schema),
        ]
        if not faults:
            audit, lot_size = definition.policy.audit, definition.policy.lot.size
            async with self._planning:
                faults = await asyncio.to_thread(lambda: list(planning_faults(audit, lot_size)))
        if faults:
            raise ProjectRefused(faults)

    async def one(self, project_id: str, client_id: str | None) -> ProjectState:
        """Return a project; for a client only its own.

        Raises:
            ProjectDoesNotExist: none, or another client's.
        """
        return await self.repository.project(project_id, client_id)

    def of_client(
        self, client_id: str | None, after: str, count_max: int, life: Life | None = None
    ) -> list[ProjectState]:
        """Return a client's projects, or all clients', by id: the first ones after an id, of one life alone if said."""
        return self.repository.projects_of(client_id, after, count_max, life)


def _outcome(before: ProjectState | None, after: ProjectState | None) -> Defined:
    assert after is not None, "a definition leaves a project"
    changed = () if before is None else tuple(change.field for change in changes(before, after))
    return Defined(after, before is None, changed)


def _defined(
    state: ProjectState | None,
    client_id: str,
    project_id: str,
    definition: Definition,
    author: Author,
    stated: Stated,
) -> ProjectState | None:
    """Return what `defined` does, where what is stated holds: one refusal tells of all that does not.

    The same definition again, of the revision before, is what a caller sends who did not hear the answer: it changes
    nothing, and what it says of that revision is passed over.
    """
    faults: list[Fault] = []
    after: ProjectState | None = None
    try:
        after = defined(state, client_id, project_id, definition, author)
    except ProjectRefused as refused:
        faults += refused.errors
    if after is None and state is not None and not faults:
        if stated.get("revision", state.revision) != state.revision:
            passed_over = ("guideline_version", "schema_version")
            stated = {field: value for field, value in stated.items() if field not in passed_over}
    else:
        must_be_newest(state, stated)
    there = state or after
    if there is not None:
        faults += stated_faults(there, stated)
    if faults:
        raise ProjectRefused(faults)
    return after
