"""The workbench's pages in a real browser, and the services behind them asked directly for what they have stored."""

import base64
import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright
from playwright.sync_api import TimeoutError as TimedOut

from deploy.local import chromium
from deploy.local.stack import Stack
from tests.support.known import where_known
from tests.support.patience import PATIENCE_SECONDS

NOTED = """window.refused = [];
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, sourceFile }) =>
  refused.push(`${effectiveDirective} ${sourceFile}`));"""
"""Run in every page first: what the content security policy refused is to be nothing."""
EXPECTED = ("Failed to load resource", "net::ERR_")
"""What the browser itself writes to the console of an answer that is no 2xx, or of a network that a test took away."""


WHERE: dict[str, Any] = {"viewport": {"width": 1280, "height": 820}, "locale": "en-US", "timezone_id": "UTC"}
"""Where somebody sits, whatever the machine's own language and time zone."""
MEDIA = "https://media.example"
WIDTH, HEIGHT = 640, 400
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='{}' height='{}'><rect width='100%' height='100%'/></svg>"
PLAIN = f"{MEDIA}/plain.svg"
TURNED = f"{MEDIA}/turned.jpg"
HUGE = f"{MEDIA}/huge.png"
HUGE_WIDTH, HUGE_HEIGHT = 8_000, 5_000
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDACgcHiMeGSgjISMtKygw"
    "PGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/wAALCAAIABABAREA/8QAFQABAQAAAAAA"
    "AAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAA/ALh//9k="
)
"""Stored 16 wide and 8 high, and to be turned by a quarter (EXIF orientation 6): it is seen 8 wide and 16 high."""


def _huge() -> bytes:
    """Return a picture of forty megapixels, one bit each, all of them set."""
    rows = zlib.compress((b"\x00" + b"\xff" * (HUGE_WIDTH // 8)) * HUGE_HEIGHT)
    head = struct.pack(">IIBBBBB", HUGE_WIDTH, HUGE_HEIGHT, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    entries = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(entries)


def _media(route: Route) -> None:
    """Answer as the client's own server of pictures would; no name of it leads anywhere."""
    if route.request.url.startswith(HUGE):
        route.fulfill(content_type="image/png", body=_huge())
        return
    if route.request.url.startswith(TURNED):
        route.fulfill(content_type="image/jpeg", body=JPEG)
    else:
        route.fulfill(content_type="image/svg+xml", body=SVG.format(WIDTH, HEIGHT))


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.base = base
        self.faults: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda fault: self.faults.append(f"page: {fault}"))

    def _console(self, console_message: ConsoleMessage) -> None:
        if console_message.type == "error" and not console_message.text.startswith(EXPECTED):
            self.faults.append(f"console: {console_message.text}")

    def open(self, path: str) -> Page:
        """Go to a page and return it when its script runs."""
        self.page.goto(self.base + path)
        # By selector: an expression that is waited for would be evaluated as a text, which the policy refuses.
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page

    def sign_in(self, role: str, subject: str) -> "Person":
        """Press a role's button on the sign-in page."""
        page = self.open("/sign-in")
        card = page.locator(".card").filter(has=page.locator(f"h2:text-is('{role.title()}')"))
        card.locator("input").fill(subject)
        card.locator("button").click()
        page.wait_for_selector(".top .subject")
        return self

    def at_desk(self, project_id: str) -> Page:
        """Open a project's desk and return its page when a unit is there."""
        page = self.open(f"/annotate/{project_id}")
        try:
            page.wait_for_selector("[data-unit]")
        except TimedOut as fault:
            raise AssertionError(f"no unit came: {page.locator('body').inner_text()}") from fault
        return page

    def refused(self) -> list[str]:
        """Return what the content security policy of the present page has refused."""
        found: list[str] = self.page.evaluate("window.refused")
        return found


class Pages:
    """One browser in front of one stack."""

    def __init__(self, browser: Browser, stack: Stack, http: httpx.Client) -> None:
        self.browser, self.stack, self.http = browser, stack, http
        self.base = stack.addresses["workbench"]
        self.people: list[Person] = []

    def person(self, role: str = "", subject: str = "", **options: Any) -> Person:
        """Return somebody at a browser of their own, signed in if a role is given."""
        context = self.browser.new_context(**{**WHERE, **options})
        context.set_default_timeout(PATIENCE_SECONDS * 1_000)
        context.add_init_script(NOTED)
        context.route(f"{MEDIA}/**", _media)
        person = Person(context, self.base)
        self.people.append(person)
        return person.sign_in(role, subject or f"{role}-1") if role else person

    def ask(self, service: str, method: str, path: str, body: Any = None, role: str = "client", token: str = "") -> Any:
        """Return a service's own answer, as its client, as somebody in another role, or to a token."""
        issuer = self.stack.issuer
        token = token or (issuer.client_key if role == "client" else issuer.token(role, f"{role}-1"))
        url = f"{self.stack.addresses[service]}/v1{path}"
        answer = self.http.request(method, url, json=body, headers={"authorization": f"Bearer {token}"})
        assert answer.is_success, answer.text
        if "ndjson" in answer.headers["content-type"]:
            return [json.loads(line) for line in answer.text.splitlines()]
        return answer.json()

    def project(self, slug: str, schema: dict[str, Any], units: list[Any], **changes: Any) -> str:
        """Return the id of a new project with these units: one label each settles them, unless `changes` says more.

        Every service has heard of the project, and none of its units yet.
        """
        policy = {
            "overlap": {"initial": 1, "max": 1},
            "gold": {"rate": 0},
            "consensus": {"method": "majority", "confidence": 0.5},
            "lot": {"size": 500},
            "audit": {"plan": "fraction", "fraction": 1.0, "on_reject": "inspect_all"},
        }
        definition = {"label_schema": schema, "name": slug, "policy": policy, **changes}
        project_id: str = self.ask("ingest", "PUT", f"/projects/{slug}", definition)["project_id"]
        self.known(project_id)
        if units:
            report = self.ask("ingest", "POST", f"/projects/{project_id}/units", units)
            assert report["admitted"] == len(units), report
        return project_id

    def known(self, project_id: str) -> None:
        """Return when every service has heard of a project: until then it is not there."""
        operator = {"authorization": f"Bearer {self.stack.issuer.token('operator', 'operator-1')}"}
        for url in where_known(self.stack.addresses, project_id):
            until(lambda: self.http.get(url, headers=operator).is_success, f"{project_id} at {url}")  # noqa: B023 - awaited before the next

    def resolutions(self, project_id: str, settled: int) -> dict[str, Any]:
        """Return the stored label of each unit, by the client's name of it, once so many are settled."""

        def found() -> dict[str, Any] | None:
            lines = self.ask("adjudicate", "GET", f"/projects/{project_id}/resolutions")
            labels = {
                line["source_id"]: line["label"] for line in lines if line["status"] in ("consensus", "adjudicated")
            }
            return labels if len(labels) >= settled else None

        labels: dict[str, Any] = until(found, f"{settled} settled units")
        return labels

    def close(self) -> None:
        """Close everybody's browser and say what went wrong in any."""
        faults = [fault for person in self.people for fault in person.faults]
        for person in self.people:
            person.context.close()
        self.people.clear()
        assert not faults, faults


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS, page: Page | None = None) -> Any:
    """Return what is found, asked for again and again until it is something: no None, no False, nothing empty.

    Args:
        found: looks for it.
        what: it is called so, should it never come.
        seconds: how long it is waited for.
        page: where it comes from a browser by itself: what happens there is heard of only while a page is asked.
    """
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"{what} did not come"
        if page is None:
            time.sleep(0.2)
        else:
            page.wait_for_timeout(200)
    return value


def painted(page: Page) -> None:
    """Return when all that was changed until now has been laid out and painted, however long a frame takes."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


@contextmanager
def opened(stack: Stack) -> Iterator[Pages]:
    """Start a browser in front of a stack; StepFailed where none can be had."""
    found = chromium.ensure()
    expect.set_options(timeout=PATIENCE_SECONDS * 1_000)
    with sync_playwright() as play:
        environment: dict[str, str | float | bool] = {**os.environ, **found.environment}
        browser = play.chromium.launch(
            executable_path=str(found.program), env=environment, timeout=PATIENCE_SECONDS * 1_000
        )
        try:
            # Without a connection kept open, which a service may close just as it is used again.
            with httpx.Client(timeout=PATIENCE_SECONDS, limits=httpx.Limits(max_keepalive_connections=0)) as http:
                yield Pages(browser, stack, http)
        finally:
            browser.close()
