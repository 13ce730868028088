"""Classes that change while people label, on a running stack: how soon each service follows, and what leaves."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from concord.labels import Json
from demo.client import Services
from deploy.local.stack import Stack
from services.audit.domain.verification import verify
from tests.support.known import until_known
from tests.support.label_kinds import POLICY

NAME = "changing"
FIRST = {"kind": "choice", "classes": ["ham", "ad", "spam"]}
SECOND = {"kind": "choice", "classes": ["ham", "advert", "junk", "scam"]}
CHANGE = {"rename": {"ad": "advert"}, "split": {"spam": ["junk", "scam"]}}
SAID = {"renamed": ("ad", "advert"), "split": ("spam", "scam")}
"""What is said of each unit, before the change and after."""
ANNOTATIONS = 2 * len(SAID) + 1
"""Two of each unit, and a third of the one that was split."""
FOLLOWS_SECONDS = 5.0
"""How soon every service is to follow; told, and not held to: the machine may be busy."""

Until = Callable[[Callable[[], Awaitable[Any]], Callable[[Any], object]], Awaitable[Any]]


class Changing:
    """One project whose classes are renamed and split while its units are half labelled.

    Args:
        stack: where it is.
        services: how they are called.
        until: asks again until an answer is enough.
    """

    def __init__(self, stack: Stack, services: Services, until: Until) -> None:
        self.services = services
        self.operator = stack.issuer.token("operator", "boss")
        self.until = until
        self.project = f"/v1/projects/local-{NAME}"
        self.client = stack.issuer.client_key
        self.people = {who: stack.issuer.token("annotator", who) for who in ("ann-1", "ann-2", "ann-3")}
        self.lead = stack.issuer.token("adjudicator", "adj-1")
        self.auditor = stack.issuer.token("auditor", "aud-1")
        self.units: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._changed = 0.0

    async def go(self) -> dict[str, Any]:
        """Go the whole way; return the claim on the lot, the labels that left, and the live quality."""
        body = {"label_schema": FIRST, "guideline": "g", "policy": {**POLICY, "gold": {"rate": 0.0}}}
        await self._json("ingest", "PUT", f"/v1/projects/{NAME}", self.client, body)
        await until_known(self.services, f"local-{NAME}", self.operator)
        sent: list[Json] = [{"id": name, "content": name} for name in SAID]
        sent.append({"id": "known", "content": "known", "gold": "spam"})
        answer = await self._json("ingest", "POST", f"{self.project}/units", self.client, sent)
        self.units = {unit["unit_id"]: unit["source_id"] for unit in answer["units"]}
        await self.label("ann-1", 1, {*SAID})
        self._changed = time.monotonic()
        body |= {"label_schema": SECOND, "schema_change": CHANGE}
        await self._json("ingest", "PUT", f"/v1/projects/{NAME}", self.client, body)
        await self._followed()
        await self.label("ann-2", 2, {*SAID})
        await self.label("ann-3", 2, {"split"})
        await self._inspect()
        return await self._left()

    async def label(self, person: str, version: int, wanted: set[str]) -> None:
        """Label units in the names of a version."""
        token = self.people[person]

        async def claim() -> None:
            body = await self._json("assign", "POST", f"{self.project}/claims", token, {"units": 9})
            for offer in body["assignments"]:
                name = self.units[offer["unit_id"]]
                assert offer["schema_version"] == version, offer
                label = {"label": SAID[name][version - 1]}
                path = f"/v1/assignments/{offer['assignment_id']}/submission"
                assert (await self._json("assign", "POST", path, token, label))["status"] == "accepted"
                wanted.discard(name)

        await self.until(claim, lambda _: not wanted)

    async def _followed(self) -> None:
        """Wait until each service shows the second version, and note how long that took."""
        shown: dict[str, tuple[Callable[[], Awaitable[Any]], Callable[[Any], object]]] = {
            "ingest": (
                lambda: self._json("ingest", "GET", self.project, self.client),
                lambda entry: entry["schema_version"] == 2,
            ),
            "assign": (
                lambda: self._json("assign", "GET", f"{self.project}/guideline", self.people["ann-2"]),
                lambda entry: entry["label_schema"]["classes"] == SECOND["classes"],
            ),
            "metrics": (
                lambda: self._json("metrics", "GET", f"{self.project}/quality", self.client),
                lambda entry: (
                    [schema_version["schema_version"] for schema_version in entry.get("schema_versions", ())] == [1, 2]
                ),
            ),
            "adjudicate, of gold by metrics' word": (
                lambda: self._json("adjudicate", "GET", f"{self.project}/gold", self.lead),
                lambda entry: [row["closed_since"] for row in entry["gold"]] == [2],
            ),
        }
        for name, (ask, enough) in shown.items():
            await self.until(ask, enough)
            self.seconds[name] = time.monotonic() - self._changed

    async def _inspect(self) -> None:
        """Find both units right, each in the names in which its label can be given."""
        seen: set[str] = set()

        async def look() -> list[Any]:
            path = f"/v1/inspections?project_id=local-{NAME}"
            found: list[Any] = (await self._json("audit", "GET", path, self.auditor))["inspections"]
            for unit in found:
                assert unit["schema_version"] == 2, "what was resolved after the change"
                verdict = {"unit_id": unit["unit_id"], "label": SAID[self.units[unit["unit_id"]]][1]}
                body = await self._json("audit", "POST", "/v1/inspections", self.auditor, {"verdicts": [verdict]})
                seen.update(result["unit_id"] for result in body["results"] if result["status"] == "taken")
            return found

        begun = time.monotonic()
        await self.until(look, bool)
        self.seconds["audit, after the last label"] = time.monotonic() - begun
        await self.until(look, lambda _: len(seen) == len(SAID))

    async def _left(self) -> dict[str, Any]:
        async def accepted() -> list[Any]:
            body = await self._json("audit", "GET", f"{self.project}/lots", self.client)
            return [lot for lot in body["lots"] if lot["status"] == "accepted"]

        await self.until(accepted, bool)
        certificate = await self.services.bytes("audit", "GET", f"{self.project}/certificate", self.client)
        export = await self.services.bytes("audit", "GET", f"{self.project}/export", self.client)
        key = (await self._json("audit", "GET", "/v1/keys", self.client))["public_key"]
        (claim,) = verify(certificate, [export], [key]).statement["lots"]
        rows = map(json.loads, export.splitlines())
        labels = {row["source_id"]: (row["label"], row["schema_version"]) for row in rows}
        quality = await self.until(
            lambda: self._json("metrics", "GET", f"{self.project}/quality", self.client),
            lambda entry: entry["annotations"] == ANNOTATIONS,
        )
        return {"claim": claim, "labels": labels, "quality": quality}

    async def _json(self, service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        return await self.services.json(service, method, path, token, body)
