"""Everybody who is shown something of a project, and everything that they are shown."""

import asyncio
import json
from typing import Any

from tests.end_to_end.planted.house import House

UNITS_A_CLAIM = 50
UNITS_UNLIKE = 3
"""Of a project that two people label, so many they see differently."""
AT_ONCE = 6
LINEAGES = 3


class People:
    """The annotators, the adjudicator, the auditor, the operator and the client of one project.

    Args:
        house: where they work.
        project: its id.
        annotators: their names.

    Attributes:
        shown: the content of each unit that an annotator opened, by the unit's id.
    """

    def __init__(self, house: House, project: str, annotators: list[str]) -> None:
        self.house = house
        self.project = project
        self.base = f"/v1/projects/{project}"
        self.annotators = annotators
        self.shown: dict[str, bytes] = {}
        self._token = house.stack.issuer.token

    async def label(self, units: int) -> None:
        """Let everybody label all units."""
        for place, name in enumerate(self.annotators):
            done = 0
            while done < units:
                done += await self._label(name, first=not place, units=units, done=done)

    async def _label(self, name: str, *, first: bool, units: int, done: int) -> int:
        token, who = self._token("annotator", name), "an annotator"

        async def claim() -> list[dict[str, Any]]:
            wish = {"units": UNITS_A_CLAIM}
            body = await self.house.json(who, "assign", "POST", f"{self.base}/claims", wish, token=token)
            return list(body["assignments"])

        offers = await self.house.until(claim, bool)
        turns = asyncio.Semaphore(AT_ONCE)

        async def open_unit(offer: dict[str, Any]) -> None:
            async with turns:
                self.shown[offer["unit_id"]] = await self._open(who, offer["payload_url"])

        await asyncio.gather(*map(open_unit, offers))
        labels = [
            {
                "assignment_id": offer["assignment_id"],
                "label": "no" if not first and done + number < UNITS_UNLIKE else "yes",
            }
            for number, offer in enumerate(offers)
        ]
        taken = await self.house.json(who, "assign", "POST", "/v1/submissions", {"submissions": labels}, token=token)
        assert all(result["status"] == "accepted" for result in taken["results"]), taken
        await self.house.json(who, "assign", "GET", "/v1/me", token=token)
        return len(offers)

    async def see(self, units: int) -> None:
        """Have the first annotator see so many units at least, and say in a text or form that they were seen."""
        token, who, seen = self._token("annotator", self.annotators[0]), "an annotator", 0
        form = self.project.endswith("-form")
        while seen < units:

            async def claim() -> list[dict[str, Any]]:
                wish = {"units": UNITS_A_CLAIM}
                body = await self.house.json(who, "assign", "POST", f"{self.base}/claims", wish, token=token)
                return list(body["assignments"])

            offers = await self.house.until(claim, bool)
            for offer in offers:
                self.shown[offer["unit_id"]] = await self._open(who, offer["payload_url"])
            labels = [
                {"assignment_id": offer["assignment_id"], "label": {"answers": {"note": "seen"}} if form else "seen"}
                for offer in offers
            ]
            await self.house.json(who, "assign", "POST", "/v1/submissions", {"submissions": labels}, token=token)
            seen += len(offers)

    async def _open(self, who: str, url: str) -> bytes:
        """Open a unit's content and what a model says of it; return the content."""
        status, content = await self.house.ask(f"{who}, a payload", "ingest", "GET", url)
        assert status == 200, (url, content)
        path, _, query = url.partition("?")
        await self.house.ask(f"{who}, a suggestion", "ingest", "GET", f"{path}/suggestion?{query}")
        return content

    async def rule(self, escalated: int) -> None:
        """Rule what was escalated."""
        token, who, ruled = self._token("adjudicator", "adj-1"), "the adjudicator", set[str]()
        path = f"/v1/escalations?project_id={self.project}"
        while len(ruled) < escalated:

            async def waiting() -> list[dict[str, Any]]:
                body = await self.house.json(who, "adjudicate", "GET", path, token=token)
                return [entry for entry in body["escalations"] if entry["unit_id"] not in ruled]

            for entry in await self.house.until(waiting, bool):
                await self._open(who, entry["payload_url"])
                ruling = {"label": "yes", "reason": "as the guideline has it"}
                at = f"/v1/escalations/{entry['unit_id']}/ruling"
                await self.house.json(who, "adjudicate", "POST", at, ruling, token=token)
                ruled.add(entry["unit_id"])

    async def inspect(self) -> None:
        """Find everything right, until all lots are accepted."""
        token, who, client = self._token("auditor", "aud-1"), "the auditor", self.house.stack.issuer.client_key

        async def look() -> bool:
            path = f"/v1/inspections?project_id={self.project}"
            waiting = (await self.house.json(who, "audit", "GET", path, token=token))["inspections"]
            for entry in waiting:
                await self._open(who, entry["payload_url"])
            if waiting:
                verdicts = [{"unit_id": entry["unit_id"], "label": "yes"} for entry in waiting]
                await self.house.json(who, "audit", "POST", "/v1/inspections", {"verdicts": verdicts}, token=token)
            lots = (await self.house.json("the client", "audit", "GET", f"{self.base}/lots", token=client))["lots"]
            return bool(lots) and all(lot["status"] == "accepted" for lot in lots)

        await self.house.until(look, bool)

    async def leave(self) -> None:
        """Fetch everything that a client and an operator may have of the project."""
        client, operator = self.house.stack.issuer.client_key, self._token("operator", "boss")
        for path in ("export?format=jsonl", "export?format=csv", "certificate", "certificate.html", "lots", "webhooks"):
            await self._get("the client", "audit", f"{self.base}/{path}", client)
        await self._get(
            "the client, an export with data", "audit", f"{self.base}/export?format=jsonl&data=true", client
        )
        for path in ("quality", "report.html", "quality/agreement", "quality/drift", "annotators"):
            await self._get("the client", "metrics", f"{self.base}/{path}", client)
        for path in ("", "/changes", "/guidelines", "/schemas"):
            await self._get("the client", "ingest", self.base + path, client)
        for unit in sorted(self.shown)[:LINEAGES]:
            await self._get("the client", "audit", f"/v1/units/{unit}/lineage", client)
        for path in ("questions", "gold/candidates", "spending", "competence"):
            await self._get("the operator", "adjudicate", f"{self.base}/{path}", operator)
        for path in ("conduct", "stranded", "qualifications"):
            await self._get("the operator", "assign", f"{self.base}/{path}", operator)

    async def _get(self, who: str, service: str, path: str, token: str) -> None:
        status, content = await self.house.ask(who, service, "GET", path, token=token)
        assert status < 500, (path, content[:300])


def text_in(content: bytes) -> str:
    """Return the sentence in a unit's content, which is the text itself or the body of an object."""
    text = content.decode()
    return str(json.loads(text)["body"]) if text.startswith("{") else text
