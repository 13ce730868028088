"""Manifests: what an export will be, to the byte, told before it is fetched; made apart from whoever asks."""

import asyncio
import logging
from collections import Counter, OrderedDict
from typing import NamedTuple

import msgspec

from concord.chassis.errors import DeploymentFault, Passing, Unavailable
from concord.chassis.projects import Project
from concord.contracts.ids import client_of
from concord.exports import FORMATS, DoesNotFit, Form, writer_for
from concord.exports.companions import companions
from concord.exports.snapshot import FileFacts, FileTally
from services.audit.domain.issue import Issue, IssuesState
from services.audit.domain.lot import LotState
from services.audit.domain.manifest import manifest, parts_of, snapshot_of
from services.audit.domain.signing import Json
from services.audit.handlers.certificates import Certificates
from services.audit.handlers.exports import Exports, newest_schema
from services.audit.handlers.means import Means

AT_ONCE = 2
"""Manifests that are made at the same time: each reads its whole export."""
WAITING_MAX, WAITING_PER_CLIENT_MAX = 100, 10
KEPT = 64
"""Manifests that are kept; another is made again, and is the same."""
ANSWER_SECONDS_MAX = 20.0
"""How long a request waits for one; then it is told how far it is."""
AGAIN_SECONDS = 5

log = logging.getLogger(__name__)


class BeingMade(Unavailable):
    """The manifest is being made; ask again."""


class _Key(NamedTuple):
    project_id: str
    issue: int
    form: Form
    erased: int


class _Making:
    """A manifest that is asked for, and how far it is."""

    def __init__(self, project: Project, issue: Issue, lots: list[LotState], form: Form) -> None:
        self.project = project
        self.issue = issue
        self.lots = lots
        self.form = form
        self.parts = parts_of(lots)
        self.version = newest_schema(lots)
        self.done = 0
        self.found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()


class Manifests:
    """Makes manifests, two at a time; a part of the process."""

    name = "manifests"

    def __init__(self, means: Means, exports: Exports, certificates: Certificates) -> None:
        self.means = means
        self.exports = exports
        self.certificates = certificates
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self._making: OrderedDict[_Key, _Making] = OrderedDict()
        self._under_way: set[_Key] = set()
        self._news = asyncio.Event()

    async def of(self, project: Project, state: IssuesState, issue: Issue, form: Form) -> bytes:
        """Return the signed manifest of an export of one of a project's issues.

        Raises:
            DoesNotFit: there can be no such export.
            BeingMade: ask again in a moment.
        """
        lots = await self.certificates.lots_of(state, issue)
        project.must_know(newest_schema(lots))
        writer_for(form, project.at(newest_schema(lots)).schema)
        key = _Key(project.project_id, issue.number, form, sum(len(lot.erased) for lot in lots))
        if key in self._kept:
            return self._handed_over(key)
        making = self._making.get(key)
        if making is None:
            self._must_have_room(client_of(project.project_id))
            making = self._making[key] = _Making(project, issue, lots, form)
            self._news.set()
        await asyncio.wait({making.found}, timeout=ANSWER_SECONDS_MAX)
        if not making.found.done():
            text = f"{making.done} of {len(making.parts)} parts of the export are read."
            raise BeingMade(text, retry_after_seconds=AGAIN_SECONDS)
        making.found.result()
        return self._handed_over(key) if key in self._kept else making.found.result()

    def _must_have_room(self, client_id: str) -> None:
        """Raise BeingMade where a client waits for as many as it may, or all together do."""
        mine = sum(client_of(key.project_id) == client_id for key in self._making)
        if mine >= WAITING_PER_CLIENT_MAX or len(self._making) >= WAITING_MAX:
            whose = f"{mine} manifests of yours" if mine >= WAITING_PER_CLIENT_MAX else f"{WAITING_MAX} manifests"
            raise BeingMade(f"{whose} are asked for.", retry_after_seconds=AGAIN_SECONDS)

    async def start(self) -> None:
        """Nothing is to be done."""

    async def run(self) -> None:
        """Make what is asked for, until cancelled: whoever asks again has it made again."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._news.wait()
                self._news.clear()
                for key in list(self._making):
                    if len(self._under_way) < AT_ONCE and key not in self._under_way:
                        self._under_way.add(key)
                        group.create_task(self._serve(key))

    async def stop(self) -> None:
        """Whoever waits is told by the end of the process."""

    async def _serve(self, key: _Key) -> None:
        making = self._making[key]
        try:
            made = await self._made(making)
        except DeploymentFault:
            raise
        except Exception as fault:
            if not isinstance(fault, DoesNotFit | Passing):
                log.exception("the manifest of %s cannot be made", key)
            making.found.set_exception(fault)
            making.found.exception()  # it is no fault of ours when nobody waits for it any more
        else:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            making.found.set_result(made)
        finally:
            del self._making[key]
            self._under_way.discard(key)
            self._news.set()

    def _handed_over(self, key: _Key) -> bytes:
        # Of which units another stands for, more may be told at any time: such a manifest is made for one request.
        return self._kept.pop(key) if key.form.duplicates else self._kept[key]

    async def _made(self, making: _Making) -> bytes:
        project, form, versions = making.project, making.form, making.project.at(making.version)
        document = await self.certificates.of_issue(making.issue)
        certificate: Json = msgspec.json.decode(document)
        snapshot = snapshot_of(certificate, making.issue.certificate)
        left_out: Counter[str] = Counter()
        files: list[FileFacts] = []
        for part in range(len(making.parts)):
            files.append(await self._file(making, part, left_out))
            making.done += 1
        beside = companions(form, versions.schema, snapshot, files)
        statement = manifest(project.client_id, snapshot, form, versions, making.lots, files, beside, left_out)
        return await asyncio.to_thread(self.means.signer.signed, statement)

    async def _file(self, making: _Making, part: int, left_out: Counter[str]) -> FileFacts:
        chosen = FORMATS[making.form.format]
        writer = writer_for(making.form, making.project.at(making.version).schema)
        tally = FileTally(chosen.file_name(part, len(making.parts)), chosen.media_type)
        lots = making.parts[part]
        async for piece in self.exports.written(writer, lots, making.form, making.project, making.version):
            await asyncio.to_thread(tally.add, piece)
        left_out.update(writer.left_out)
        return tally.facts(writer.rows)
