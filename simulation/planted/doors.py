"""Planted where people come in: who is believed, who sees what, what is taken in."""

import base64
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from concord.chassis.identity.caller import Caller, Role
from concord.chassis.identity.tokens import Tokens
from concord.chassis.places.owner import Owner
from concord.chassis.places.peers import MemoryPeers
from services.assign.door.desk import Desk
from services.assign.handlers import Leased
from services.assign.schemas import AssignmentOffer
from services.audit.door import exports as audit_exports
from services.audit.door.means import Door
from services.ingest.domain.identity import Claim
from services.ingest.domain.project import ProjectState
from services.ingest.handlers.telling import Telling
from services.ingest.repository import Repository
from services.ingest.repository.lot_places import LotPlaces


@contextmanager
def gold_in_a_reply() -> Iterator[None]:
    """Let an annotator see which unit is gold."""
    honest = Desk.offer

    def telling(self: Desk, lease: Leased) -> AssignmentOffer:
        offer = honest(self, lease)
        return msgspec.structs.replace(offer, media_type="text/gold") if lease.unit.gold else offer

    with patch.object(Desk, "offer", telling):
        yield


@contextmanager
def export_of_anything() -> Iterator[None]:
    """Hand over a lot whether or not it was accepted."""

    async def generous(door: Door, lot_id: str, caller: Any) -> Any:
        return await door.handlers.means.repository.lot(lot_id, caller.client_id)

    with patch.object(audit_exports, "accepted", generous):
        yield


@contextmanager
def any_token_is_believed() -> Iterator[None]:
    """Believe a token's claims without looking at its signature, its issuer or its end."""

    async def caller(self: Tokens, token: str) -> Caller:
        del self
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return Caller(claims["sub"], frozenset(Role(role) for role in claims["roles"]), claims.get("client_id"))

    with patch.object(Tokens, "caller", caller):
        yield


@contextmanager
def any_project_is_shown() -> Iterator[None]:
    """Show a project to whoever knows its name."""
    honest = Repository.project

    async def project(self: Repository, project_id: str, client_id: str | None) -> ProjectState:
        del client_id
        return await honest(self, project_id, None)

    with patch.object(Repository, "project", project):
        yield


@contextmanager
def lists_of_everybody() -> Iterator[None]:
    """List the projects of all clients to each."""
    honest = Repository.projects_of

    def projects_of(self: Repository, client_id: str | None, after: str, count_max: int) -> list[ProjectState]:
        del client_id
        return honest(self, None, after, count_max)

    with patch.object(Repository, "projects_of", projects_of):
        yield


@contextmanager
def handed_on_without_its_body() -> Iterator[None]:
    """Hand a request on to the process that owns its place after its body was read here."""
    honest = MemoryPeers.relay

    async def relay(self: MemoryPeers, address: str, scope: Any, receive: Any, send: Any) -> None:
        parts = [{"type": "http.request", "body": b"", "more_body": False}]
        await honest(self, address, scope, lambda: receive() if not parts else _at_once(parts.pop()), send)

    with patch.object(MemoryPeers, "relay", relay):
        yield


async def _at_once(part: dict[str, Any]) -> dict[str, Any]:
    return part


@contextmanager
def the_first_other_is_asked() -> Iterator[None]:
    """Put together what all processes have of what this one and one more have: of two it is all."""
    honest = Owner.others

    with patch.object(Owner, "others", lambda self: honest(self)[:1]):
        yield


@contextmanager
def content_is_not_claimed() -> Iterator[None]:
    """Look whether a content is known instead of claiming it, so that two who look at once both take it in."""

    async def claim(self: Repository, claims: Sequence[Claim], number: int) -> tuple[list[Claim], set[str]]:
        del self, number
        return list(claims), set()

    with patch.object(Repository, "claim", claim):
        yield


@contextmanager
def known_is_told() -> Iterator[None]:
    """Take a unit that is in for one of which the others were told, whoever took it in and died."""
    honest = Telling.tell

    async def tell(
        self: Telling, project: ProjectState, units: Iterable[Claim], own: Collection[str] = (), *more: Any
    ) -> None:
        await honest(self, project, [unit for unit in units if unit.unit.arrival in own], own, *more)

    with patch.object(Telling, "tell", tell):
        yield


@contextmanager
def lots_without_places() -> Iterator[None]:
    """Cut a lot of what waits here, whatever lots it may be in."""

    async def claim(self: LotPlaces, project_id: str, number: int, units: Mapping[str, str]) -> list[str]:
        del self, project_id, number, units
        return []

    with patch.object(LotPlaces, "claim", claim):
        yield
