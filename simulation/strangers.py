"""A stranger at every door: with forged credentials, and with true ones for what is another's or another role's."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from concord.chassis.clock import MICROSECONDS
from concord.chassis.identity import Role
from simulation.house import AUDIENCE, ISSUER, TOKEN_SECONDS
from simulation.town import ISSUED_SECONDS_AGO, Person, Town

BETWEEN_VISITS_SECONDS = 8.0
DOORS = (
    ("ingest", "GET", "/v1/projects"),
    ("assign", "GET", "/v1/me"),
    ("adjudicate", "GET", "/v1/escalations"),
    ("audit", "GET", "/v1/inspections"),
    ("metrics", "GET", "/v1/projects/k1-p/quality"),
)


class Stranger(Person):
    """Somebody who is a client of the town, `k1`'s, and would like to be more.

    Args:
        town: where they live.
    """

    def __init__(self, town: Town) -> None:
        super().__init__(town, "stranger", Role.CLIENT, client_id="k1")
        self.other = "k2"

    async def live(self) -> None:
        """Try a door now and then, until the town closes."""
        while not self.town.closed:
            await asyncio.sleep(self.generator.expovariate(1 / BETWEEN_VISITS_SECONDS))
            await self.generator.choice((self._with_a_forged_token, self._as_somebody_else, self._at_anothers))()

    async def _expect(self, wanted: tuple[int, ...], what: str, *asked: Any, token: str) -> None:
        answer = await self.insist(*asked, token=token, tries_max=3)
        if answer is not None and answer.status not in wanted:
            service, method, path = asked[:3]
            text = f"{what} was answered {answer.status} by {service} to {method} {path}"
            self.town.notebook.wrongs.append(text)

    async def _with_a_forged_token(self) -> None:
        what, token = self.generator.choice(list(self._forged()))
        await self._expect((401,), f"a token {what}", *self.generator.choice(DOORS), token=token)

    def _forged(self) -> Iterator[tuple[str, str]]:
        """Yield tokens that nobody may believe, and what is wrong with each."""
        house = self.town.house
        now = house.clock.now_us() // MICROSECONDS
        every_role = [str(role) for role in Role]
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "stranger",
            "roles": every_role,
            "iat": now - ISSUED_SECONDS_AGO,
            "exp": now + TOKEN_SECONDS,
        }
        other = Ed25519PrivateKey.from_private_bytes(bytes(32))
        yield "under another key", _signed(claims, other)
        yield "without a signature", jwt.encode(claims, "", algorithm="none", headers={"kid": "simulation"})
        key = house.signing_key.private
        header, _, signature = self.token.split(".")
        yield "that was changed", f"{header}.{_base64(claims)}.{signature}"
        yield "that has expired", _signed({**claims, "exp": now - 600}, key)
        yield "for another audience", _signed({**claims, "aud": "elsewhere"}, key)
        yield "of another issuer", _signed({**claims, "iss": "https://elsewhere"}, key)
        yield "with a client that is no text", _signed({**claims, "client_id": 1}, key)
        yield "that is an API key of nobody", "cnc_nobody_nothing"

    async def _as_somebody_else(self) -> None:
        """Ask as one who is known, for what is for another role."""
        role, asked = self.generator.choice(
            (
                (Role.ANNOTATOR, ("ingest", "GET", "/v1/projects")),
                (Role.CLIENT, ("assign", "POST", "/v1/projects/k1-p/claims", {})),
                (Role.ANNOTATOR, ("adjudicate", "GET", "/v1/escalations")),
                (Role.ADJUDICATOR, ("audit", "GET", "/v1/inspections")),
                (Role.CLIENT, ("assign", "PUT", "/v1/annotators/stranger", {})),
            )
        )
        await self._expect((403,), f"a {role}'s token", *asked, token=self._token(role))

    async def _at_anothers(self) -> None:
        """Ask for what is another client's: it must look as if it were not there."""
        project = f"{self.other}-p"
        lots = sorted(
            exported.lot_id for exported in self.town.notebook.exported if exported.lot_id.startswith(self.other)
        )
        lot = self.generator.choice(lots) if lots else f"{self.other}-l"
        unit = {"id": "stranger", "content": "put in by a stranger"}
        role, asked = self.generator.choice(
            (
                (Role.CLIENT, ("ingest", "GET", f"/v1/projects/{project}")),
                (Role.CLIENT, ("ingest", "POST", f"/v1/projects/{project}/units", [unit])),
                (Role.CLIENT, ("ingest", "POST", f"/v1/projects/{project}/units/find", {"ids": ["stranger"]})),
                (Role.CLIENT, ("ingest", "POST", f"/v1/projects/{project}/seal")),
                (Role.CLIENT, ("audit", "GET", f"/v1/projects/{project}/lots")),
                (Role.CLIENT, ("audit", "GET", f"/v1/lots/{lot}/export")),
                (Role.CLIENT, ("audit", "GET", f"/v1/lots/{lot}/certificate")),
                (Role.CLIENT, ("metrics", "GET", f"/v1/projects/{project}/quality")),
                (Role.CLIENT, ("assign", "GET", f"/v1/projects/{project}/stranded")),
                (Role.ANNOTATOR, ("assign", "POST", f"/v1/projects/{project}/claims", {})),
            )
        )
        self.town.notebook.unwanted.add((project, "stranger"))
        await self._expect((404,), "what is another client's", *asked, token=self._token(role))
        # Lists are not refused: what they hold is looked at when all is over.
        service, path, role = self.generator.choice(
            (
                ("ingest", "/v1/projects", Role.CLIENT),
                ("adjudicate", "/v1/escalations", Role.ADJUDICATOR),
                ("audit", "/v1/inspections", Role.AUDITOR),
            )
        )
        await self.insist(service, "GET", path, token=self._token(role), tries_max=3)

    def _token(self, role: Role) -> str:
        return self.town.house.token("stranger", role, client_id="k1", issued_seconds_ago=ISSUED_SECONDS_AGO)


def _signed(claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "simulation"})


def _base64(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
