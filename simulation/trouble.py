"""Trouble that comes in at the front door: clients who do several things at once, change their minds, and erase."""

import asyncio

from concord.chassis.identity import Role
from simulation import wishes
from simulation.bounds import BACKLOG_EVENTS_MAX, BACKLOG_EVENTS_OVER
from simulation.clients import BATCH_UNITS_MAX, HTTP_DOORS, UNSEEN_NAME, Client
from simulation.erasing import erase
from simulation.faults import Fault
from simulation.town import Person, Town
from simulation.wording import CHANGES_MAX

BETWEEN_TROUBLES_SECONDS = 8.0
BETWEEN_CHANGES_SECONDS = 20.0
BETWEEN_ERASURES_SECONDS = 50.0
REDEFINITION_CHANCE = 0.35
LOOK_SECONDS = 1.0
CREW_NAMES = 4
"""In one file of an agency."""
CREWS_A_LIFE = 2 * (BACKLOG_EVENTS_MAX + BACKLOG_EVENTS_OVER) // CREW_NAMES
"""Files that an agency has: twice what all processes of a service may have waiting for the broker."""


class Crowd(Person):
    """A client's other hand: it does at once what the client does one after another.

    Args:
        client: whose.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client.town, f"crowd-{client.name}", Role.CLIENT, client_id=client.client_id)
        self.client = client
        self._count = 0

    async def live(self) -> None:
        """Make trouble while the client sends."""
        client = self.client
        await client.begun.wait()
        while client.name in self.town.sending and not self.town.network.weather.calm:
            await asyncio.sleep(self.generator.expovariate(1 / BETWEEN_TROUBLES_SECONDS))
            if self.chance(REDEFINITION_CHANCE):
                client.definition["policy"] = wishes.changed(client.definition["policy"], self.generator)
                await client.define()
                continue
            await self.generator.choice((self._twins, self._rivals, self._entangled))()

    def _name(self) -> str:
        self._count += 1
        return f"crowd-{self._count}"

    def _door(self) -> str:
        return self.generator.choice(HTTP_DOORS)

    async def _twins(self) -> None:
        """Send one content under several ids at once."""
        first = self.client.unit(self._name(), f"text twice {self._count} of {self.client.project_id}", plain=True)
        twins = [first]
        for _ in range(self.generator.randint(1, 3)):
            twins.append({**first, "id": f"{UNSEEN_NAME}/{self._name()}"})
            self.client.note(twins[-1])
        self.client.units += twins
        doors = [self.generator.choice((*HTTP_DOORS, "structured")) for _ in twins]
        await asyncio.gather(*(self.client.send([twin], door) for twin, door in zip(twins, doors, strict=True)))

    async def _rivals(self) -> None:
        """Send several contents under one id at once: one gets in, the others are refused."""
        name = self._name()
        rivals = [
            self.client.unit(name, f"rival {place} of {name} of {self.client.project_id}", plain=True)
            for place in range(self.generator.randint(2, 3))
        ]
        await asyncio.gather(*(self.client.send([rival], self._door(), refused=1) for rival in rivals))

    async def _entangled(self) -> None:
        """Send the content of one id under another, in one body and beside it: a refusal takes nothing of another's."""
        old = self.client.unit(self._name(), f"old {self._count} of {self.client.project_id}", plain=True)
        await self.client.send([old], self._door())
        new = self.client.unit(self._name(), f"new {self._count} of {self.client.project_id}", plain=True)
        other = {**old, "content": new["content"]}
        self.client.note(other)
        self.client.units.append(new)
        if self.chance(0.5):
            await self.client.send([other, new], self._door(), refused=1)
        else:
            await asyncio.gather(
                self.client.send([other], self._door(), refused=1), self.client.send([new], self._door())
            )


class Eraser(Person):
    """A client's hand that has units erased at any moment.

    Args:
        client: whose.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client.town, f"eraser-{client.name}", Role.CLIENT, client_id=client.client_id)
        self.client = client

    async def live(self) -> None:
        """Erase a unit now and then while something goes wrong."""
        while not self.town.network.weather.calm:
            await asyncio.sleep(self.generator.expovariate(1 / BETWEEN_ERASURES_SECONDS))
            notebook, project_id = self.town.notebook, self.client.project_id
            known = [
                admitted
                for admitted in notebook.admitted
                if admitted.status == "admitted"
                and admitted.project_id == project_id
                and admitted.unit_id not in notebook.erased
            ]
            if known and not self.town.network.weather.calm:
                chosen = self.generator.choice(known)
                await erase(self, project_id, chosen.source_id, chosen.unit_id)


class Changer(Person):
    """A client's hand that changes the classes of its project while they are labelled.

    Args:
        client: whose.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client.town, f"changer-{client.name}", Role.CLIENT, client_id=client.client_id)
        self.client = client

    async def live(self) -> None:
        """Change something now and then while something goes wrong."""
        client, notebook, weather = self.client, self.town.notebook, self.town.network.weather
        await client.begun.wait()
        for _ in range(CHANGES_MAX):
            await asyncio.sleep(self.generator.expovariate(1 / BETWEEN_CHANGES_SECONDS))
            if not weather.strikes(Fault.CLASSES_CHANGE, 1.0, self.generator):
                return
            # What is to be said under a version is known before anybody can be asked under it.
            wording, change = notebook.wordings[client.project_id].changed(self.generator)
            notebook.wordings[client.project_id] = wording
            client.definition["label_schema"] = {"kind": "choice", "classes": wording.offered}
            client.definition["schema_change"] = change
            await client.define()
            # What is in says what it said, and stays in, whatever its class is called by now.
            known = [sent for sent in client.units if "gold" in sent and client.is_in(sent["id"])]
            if known:
                await client.send(known[:BATCH_UNITS_MAX], self.generator.choice(HTTP_DOORS))


class Agency(Person):
    """An agency that signs up all of its people while the broker is away: far more than may wait for it."""

    def __init__(self, town: Town) -> None:
        super().__init__(town, "agency", Role.OPERATOR)

    async def live(self) -> None:
        """Send file after file for as long as the broker is away; who signs up does not come to work."""
        while not self.town.network.lives.broker_is_away():
            if self.town.network.weather.calm:
                return
            await asyncio.sleep(LOOK_SECONDS)
        for crew in range(CREWS_A_LIFE * self.town.network.lives.apiece):
            if not self.town.network.lives.broker_is_away():
                return
            names = [f"crew-{crew}-{place}" for place in range(CREW_NAMES)]
            file = "\n".join(["annotator_id", *names]).encode()
            answer = await self.insist(
                "assign", "POST", "/v1/annotators", file, headers=[("content-type", "text/csv")], tries_max=1
            )
            if answer is None:
                continue
            report = answer.json() if answer.status == 200 else {}
            taken = report.get("changed", 0) + report.get("unchanged", 0)
            if report.get("refused", 1) or (taken < CREW_NAMES and "stopped" not in report):
                self.town.notebook.wrongs.append(f"{CREW_NAMES} names were answered {answer.status}: {answer.body!r}")
