"""The town: what its people share, and how they find work."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from concord.chassis.identity import Role
from simulation.house import Answer, House
from simulation.network import Network
from simulation.notebook import Heard, Notebook, Unopened
from simulation.wishes import canonical

FOLLOWS_SECONDS = 15.0
"""Within which every service is to have a change that was made while anything went wrong, once nothing does."""
ISSUED_SECONDS_AGO = 3_600
"""Tokens are older than any clock is off."""


@dataclass
class Town:
    """What people know of each other.

    Attributes:
        truths: the true label of each content that was ever sent, by its canonical text.
        sending: the clients who have units to send.
        settled: nothing is left to be done.
        closed: everybody goes home.
        patient: all is waited for, whatever is known to be broken.
        models: who annotates and is a model; in towns without any nobody says what kind of reason they skip for.
        appeals: these two answer to what is held against them.
        hasty, skipper: who clicks through units, and who skips most, in towns whose projects have rules for that.
        revises: people revise labels that they gave.
        refers: adjudicators send units back to annotators in place of a ruling.
        erases_what_left: clients have units erased that they were given in an export.
        drafts: people save what they have of a label before they send it, and try to see what others have.
        calm_at: the loop's time from which on nothing goes wrong; 0: something may.
    """

    house: House
    network: Network
    notebook: Notebook
    truths: dict[str, Any] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)
    settled: bool = False
    closed: bool = False
    patient: bool = True
    models: tuple[str, ...] = ()
    hasty: str = ""
    skipper: str = ""
    appeals: bool = False
    revises: bool = False
    refers: bool = False
    erases_what_left: bool = False
    drafts: bool = False
    calm_at: float = 0.0

    def follows(self, service: str, project_id: str, version: int, asked_at: float) -> None:
        """Note where a service offers what a change of classes has closed, long after nothing keeps it from knowing."""
        newest = self.notebook.version(project_id)
        if self.calm_at and asked_at > self.calm_at + FOLLOWS_SECONDS and version < newest:
            text = f"{service} asks under version {version} of the classes of {project_id}, and {newest} is in force"
            self.notebook.wrongs.append(text)


class Person(ABC):
    """Somebody with a credential and a temper of their own.

    Args:
        town: where they live.
        name: who they are.
        roles: what they may be.
        client_id: the client they work for.
    """

    def __init__(self, town: Town, name: str, *roles: Role, client_id: str | None = None) -> None:
        self.town = town
        self.name = name
        self.client_id = client_id or ""
        self.generator = random.Random(f"{town.house.seed}/{name}")
        self.token = town.house.token(name, *roles, client_id=client_id, issued_seconds_ago=ISSUED_SECONDS_AGO)

    @abstractmethod
    async def live(self) -> None:
        """Do what one does here, to the end."""

    async def insist(self, service: str, method: str, path: str, body: Any = None, **more: Any) -> Answer | None:
        """Ask until there is an answer, or give up."""
        more.setdefault("token", self.token)
        answer = await self.town.network.insist(self.generator, service, method, path, body=body, **more)
        if answer is not None and self.client_id:
            self.town.notebook.heard.append(Heard(self.name, self.client_id, path, answer.body))
        return answer

    def chance(self, probability: float) -> bool:
        """Return true so often."""
        return self.generator.random() < probability

    async def truth_of(self, payload_url: str) -> Any:
        """Open a unit's payload by its link and return its true label; None: it could not be opened now."""
        address, _, query = payload_url.partition("?")
        path = address[address.index("/v1/") :]
        network = self.town.network
        answer = await network.insist(self.generator, "ingest", "GET", path, query=query, tries_max=4)
        if answer is None:
            return None
        if answer.status != 200:
            self.town.notebook.unopened.append(Unopened(path.rpartition("/")[2], self.name, answer.status))
            return None
        content = answer.body.decode() if answer.headers["content-type"].startswith("text/") else answer.json()
        truth = self.town.truths.get(canonical(content))
        if truth is None:
            self.town.notebook.wrongs.append(f"the payload under {path} was never sent: {content!r}")
        return truth
