"""Every door that takes units: what can be taken in, and what cannot, each with a value in it."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaProducer

from concord.contracts.topics import INTAKE
from services.ingest.intake import BATCH, SOURCE, STRUCTURED, TYPE
from tests.end_to_end.planted.house import House
from tests.end_to_end.planted.values import Planted

CLIENT = "the client"
UNITS_A_REQUEST = 500
Progress = Callable[[int], None]
Unit = dict[str, Any]


class Doors:
    """Sends the units of a project.

    Args:
        house: whose ingest takes them.
        producer: writes to the intake.
        project: its id.
    """

    def __init__(self, house: House, producer: AIOKafkaProducer, project: str) -> None:
        self.house = house
        self.producer = producer
        self.project = project
        self.base = f"/v1/projects/{project}"
        self.token = house.stack.issuer.client_key

    async def lines(self, units: list[Unit]) -> None:
        """Send lines of JSON."""
        body = b"".join(json.dumps(unit, ensure_ascii=False).encode() + b"\n" for unit in units)
        await self._post(f"{self.base}/units", body, "application/x-ndjson", len(units))

    async def listed(self, units: list[Unit]) -> None:
        """Send a list of JSON, written in ASCII."""
        await self._post(f"{self.base}/units", json.dumps(units).encode(), "application/json", len(units))

    async def events(self, units: list[Unit]) -> None:
        """Send CloudEvents over HTTP."""
        body = json.dumps([self._event(unit) for unit in units]).encode()
        await self._post(f"{self.base}/events", body, f"{BATCH}+json", len(units))

    async def intake(self, units: list[Unit]) -> None:
        """Send CloudEvents to the intake; what they come to is told by no answer."""
        for unit in units:
            event = json.dumps(self._event(unit), ensure_ascii=False).encode()
            await self._put(event, unit["id"])
        await self.producer.flush()

    async def file(self, units: list[Unit]) -> None:
        """Send a CSV file as an import."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("id", "content"))
        writer.writerows((unit["id"], unit["content"]) for unit in units)
        await self._import("whole", text.getvalue().encode(), len(units))

    async def refused(self, values: list[Planted]) -> int:
        """Send at every door what it cannot take, with a value in it each; return how many were sent."""
        left = iter(values)
        wrong: list[Callable[[Planted], Unit]] = [
            lambda entry: {"id": "w-priority", "content": "a text", "priority": entry.text},
            lambda entry: {"id": "w-media", "content": entry.text, "media_type": entry.value},
            lambda entry: {"id": "w-gold", "content": entry.text, "gold": entry.value},
            lambda entry: {"id": "w-suggested", "content": "a text", "suggestion": {"label": entry.value}},
            lambda entry: {"id": "w-skills", "content": entry.text, "skills": entry.value},
            lambda entry: {"id": "w-name", "content": "a text", "annotators": [f"\u0007{entry.value}"]},
            lambda entry: {"id": "w-uri", "content": {"uri": f"ftp://{entry.value}/x"}, "media_type": "image/png"},
            lambda entry: {"id": "w-fields", "content": "a text", "stratum": [entry.value]},
        ]
        units = [make(entry) for make, entry in zip(wrong, left, strict=False)]
        await self._post(
            f"{self.base}/units", b"\n".join(json.dumps(each).encode() for each in units), "application/x-ndjson", 0
        )
        units += [make(entry) for make, entry in zip(wrong, left, strict=False)]
        for unit in units[len(wrong) :]:
            await self._put(json.dumps(self._event(unit)).encode(), unit["id"])
        sent = len(units)
        for entry in left:
            broken = f'{{"id": "w", "content": "{entry.text}'.encode()
            match sent % 4:
                case 0:
                    await self._post(f"{self.base}/units", broken, "application/x-ndjson", 0)
                case 1:
                    await self._put(broken, "w")
                case 2:
                    await self._import(f"ragged-{sent}", f'id,content\na,b,"{entry.value}"\n'.encode(), 0)
                case _:
                    await self._post(f"{self.base}/events", broken, STRUCTURED, None)
            sent += 1
        await self.producer.flush()
        return sent

    async def _import(self, name: str, body: bytes, admitted: int) -> None:
        wish = {"name": name, "format": "csv", "id": "id", "content": "content"}
        begun = await self.house.json(CLIENT, "ingest", "POST", f"{self.base}/imports", wish, token=self.token)
        path = f"/v1/imports/{begun['import_id']}"
        report = await self.house.json(
            CLIENT, "ingest", "PATCH", f"{path}?offset=0", body, token=self.token, media_type="text/csv"
        )
        assert report["admitted"] == admitted, report
        await self.house.json(CLIENT, "ingest", "GET", path, token=self.token)
        await self.house.ask(CLIENT, "ingest", "GET", f"{path}/events", token=self.token)

    async def _post(self, path: str, body: bytes, media_type: str, admitted: int | None) -> None:
        """Send a body of which so many units are admitted; None: nothing of it is."""
        request = (CLIENT, "ingest", "POST", path, body)
        if admitted is None:
            status, _ = await self.house.ask(*request, token=self.token, media_type=media_type)
            assert 400 <= status < 500, (path, status)
            return
        report = await self.house.json(*request, token=self.token, media_type=media_type)
        assert report["admitted"] == admitted, report

    async def _put(self, value: bytes, key: str) -> None:
        await self.producer.send(INTAKE.name, value, key.encode(), headers=[("content-type", STRUCTURED.encode())])

    def _event(self, unit: Unit) -> dict[str, Any]:
        data = {name: value for name, value in unit.items() if name != "id"}
        named = {"id": unit["id"], "source": f"{SOURCE}{self.project}", "type": TYPE, "specversion": "1.0"}
        return {**named, "datacontenttype": "application/json", "data": data}
