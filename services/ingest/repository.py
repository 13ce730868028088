"""Ingest's aggregates, keys and read models; every query lives here."""

from collections import defaultdict
from collections.abc import Sequence

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.chassis.store.port import Collection, Document, Store
from concord.contracts.ids import client_of, keyed, placed_id
from services.ingest.domain.admission import UnitState
from services.ingest.domain.lot import LotState, OpenLot
from services.ingest.domain.project import ProjectDoesNotExist, ProjectState

PROJECT = Kind("project", ProjectState)
UNIT = Kind("unit", UnitState)
LOT = Kind("lot", LotState)
PAYLOADS = Collection("payloads")


class Repository:
    """Where ingest's facts are found.

    Read models: the projects, and the units of each that are in no lot yet; both rebuilt from the journal.

    Args:
        journal: the truth.
        store: holds the payloads, each under its project and fingerprint: the insert tells repeated content.
        id_secret: keys ids and fingerprints.
    """

    def __init__(self, journal: Journal, store: Store, id_secret: bytes) -> None:
        self.journal = journal
        self.store = store
        self.id_secret = id_secret
        self.projects: dict[str, ProjectState] = {}
        self.open_lots: dict[str, OpenLot] = defaultdict(OpenLot)

    async def rebuild(self) -> None:
        """Read the projects, and let the units in no lot wait in the order of their admission.

        Said again, it adds what others have admitted and takes out what they have sealed.
        """
        self.projects = {state.project_id: state async for _, state in self.journal.rebuild(PROJECT)}
        units = [state async for _, state in self.journal.rebuild(UNIT) if not state.gold]
        # Lots are read last, and nothing runs from then on: no unit waits again that was sealed meanwhile.
        lots = [state async for _, state in self.journal.rebuild(LOT)]
        for unit in sorted(units, key=lambda one: (one.admitted_at_us, one.unit_id)):
            self.open_lots[unit.project_id].add(unit.unit_id, unit.admitted_at_us)
        for lot in sorted(lots, key=lambda one: one.number):
            self.open_lots[lot.project_id].cut(lot)

    async def project(self, project_id: str, client_id: str | None) -> ProjectState:
        """Return the project; for a client only its own.

        Raises:
            ProjectDoesNotExist: none, or another client's.
        """
        owner = client_of(project_id)
        if client_id is not None and owner != client_id:
            raise ProjectDoesNotExist(project_id)
        if (known := self.projects.get(project_id)) is not None:
            return known
        key = PROJECT.key(owner, project_id)
        if (state := (await self.journal.states(PROJECT, [key])).get(key)) is None:
            raise ProjectDoesNotExist(project_id)
        return state

    def projects_of(self, client_id: str | None) -> list[ProjectState]:
        """Return a client's projects, or all, by id."""
        return [
            self.projects[one] for one in sorted(self.projects) if client_id in (None, self.projects[one].client_id)
        ]

    def unit_id(self, project_id: str, source_id: str) -> str:
        """Return the id of the unit that a client names `source_id`."""
        return placed_id("u", project_id, keyed(self.id_secret, project_id, source_id))

    def lot_id(self, project_id: str, number: int) -> str:
        """Return the id of a project's n-th lot."""
        return placed_id("l", project_id, keyed(self.id_secret, project_id, "lot", str(number)))

    def fingerprint(self, project_id: str, content: bytes) -> str:
        """Return the keyed fingerprint of canonical content within one project."""
        return keyed(self.id_secret, project_id, "content", content.decode())

    async def keep_payloads(self, payloads: Sequence[Document]) -> dict[str, str]:
        """Store payloads; return, by key, whose unit the content was before where it was another's.

        Args:
            payloads: `{_id, unit_id, media_type, content}` from `payload`.
        """
        taken = await self.store.insert(PAYLOADS.name, payloads)
        if not taken:
            return {}
        found = await self.store.get(PAYLOADS.name, sorted({payloads[position]["_id"] for position in taken}))
        others = {key: document["unit_id"] for key, document in found.items()}
        # A process may have died between a payload and its unit, or before it dropped the payload of a unit that was
        # refused for other content: what lies under no unit's own fingerprint repeats nothing.
        known = await self.units(sorted(set(others.values())))
        own = {unit_id: payload_key(unit.project_id, unit.fingerprint) for unit_id, unit in known.items()}
        return {key: unit_id for key, unit_id in others.items() if own.get(unit_id) == key}

    async def drop_payloads(self, keys: Sequence[str]) -> None:
        """Delete payloads that belong to no unit."""
        await self.store.delete(PAYLOADS.name, keys)

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return the units that exist, by id."""
        keys = {unit_id: UNIT.key(client_of(unit_id), unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def payload(self, unit_id: str) -> Document | None:
        """Return a unit's payload; None when there is no such unit or its payload was erased."""
        unit = (await self.units([unit_id])).get(unit_id)
        if unit is None:
            return None
        key = payload_key(unit.project_id, unit.fingerprint)
        return (await self.store.get(PAYLOADS.name, [key])).get(key)


def payload_key(project_id: str, fingerprint: str) -> str:
    """Return where a payload lies."""
    return f"{project_id}/{fingerprint}"


def payload(project_id: str, fingerprint: str, unit_id: str, media_type: str, content: bytes) -> Document:
    """Return a payload as it is stored."""
    key = payload_key(project_id, fingerprint)
    return {"_id": key, "unit_id": unit_id, "media_type": media_type, "content": content}
