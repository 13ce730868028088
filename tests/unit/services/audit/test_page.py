"""A certificate's page: what it says, and that nothing of a certificate becomes more than text in it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.quality.label_error import Inspection, Pool
from services.audit.domain.certificate import project_claim
from services.audit.domain.certificate_page import Vouched, certificate_page
from services.audit.domain.page_plots import NotDrawn, Standing, characteristic, curve, way
from services.audit.domain.signing import CertificateBroken
from services.audit.domain.verdict import Plan, Terms, plan_for
from services.ingest.domain import project as policies
from simulation.checkers.plans import Plan as Plain
from simulation.checkers.plans import chance_of_acceptance
from tests.support.audit import LOT, RELABEL, UNITS, sealed
from tests.support.upstream import PROJECT

VOUCHED = Vouched("Verified by a test.", True)
HOSTILE = "\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>&lt;\u202e\u2028\x00</title></style>"
VOID = {"br", "meta", "circle", "line", "rect", "polyline", "path"}
RATE = {"value": 0.01, "low": 0.0, "high": 0.08, "units": 17, "method": "a method", "reason": "", "confidence": 0.95}


class Seen(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.style = ""
        self.feed(page.decode())
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += data.replace("\xa0", " ")


def said(plan: Plan | None = None, **more: Any) -> dict[str, Any]:
    plan = plan or plan_for("sequential", 0.05, 0.05, 0.15, 0.05, 0.1, 60)
    lot = {
        "lot_id": "k1-l1", "units": 60, "withdrawn": 2, "adjudicated": 15, "rework": 1, "rejections": 1,
        "rejections_max": 2, "plan": json.loads(json.dumps(plan_dict(plan))), "inspected_whole": False,
        "consumers_risk": 0.2, "sample": ["k1-u1", "k1-u2"], "inspected": 17, "errors_found": 1, "errors_corrected": 1,
        "label_error_rate": RATE, "agreement": RATE, "annotators": 5, "annotations": 130,
        "guideline_versions": [1, 3], "accepted_at": "2026-11-27T10:00:00Z", "seed": "5eed" * 16,
        "ledger": {"entries": 200, "basis_sha256": "b" * 64}, **more.pop("lot", {}),
    }  # fmt: skip
    file = {
        "name": "k1-l1.jsonl",
        "rows": 60,
        "rows_sha256": "c" * 64,
        "sha256": "d" * 64,
        "bytes": 1,
        "media_type": "x",
    }
    return {
        "type": "concord.certificate.v1", "client_id": "k1", "project_id": "k1-p", "issued_at": "2026-11-27T10:00:00Z",
        "guideline_versions": [1, 3], "lots": [lot], "files": [file], "key": {"kid": "kid", "public_key": "key"},
        "project": project_claim(Pool.of_left(Inspection(600, 100, 1))), **more,
    }  # fmt: skip


def plan_dict(plan: Plan) -> dict[str, Any]:
    fields = {name: getattr(plan, name) for name in plan.__struct_fields__}
    standard = plan.standard
    body = None if standard is None else {name: getattr(standard, name) for name in standard.__struct_fields__}
    return {**fields, "standard": body}


def page(statement: dict[str, Any], vouched: Vouched = VOUCHED) -> Seen:
    return Seen(certificate_page(statement, vouched))


def test_everything_that_a_manager_asks_for_is_on_the_page() -> None:
    plan = plan_for("sequential", 0.05, 0.05, 0.15, 0.05, 0.1, 60)
    text = page(said(plan), VOUCHED._replace(erased=3)).text
    for wanted in (
        "k1-l1", "Verified by a test.", f"At most {plan.sample_size} of 60 units", "20 % at most", "17",
        "1; 1 label put right in all",
        "1 %, 0 % to 8 % (95%)", "of 17 units", "1, 3", "15 of 60 units (25 %)", "60; 2 more were erased", "k1-u2",
        "3 units of these were erased since", "c" * 64, "d" * 64, "b" * 64, "at most 8 % of the labels of this lot",
        "all of the project's lots", "1 lot left so far", "5 %: should pass",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_a_projects_page_names_every_lot_and_the_rate_of_all() -> None:
    entry = said()["lots"][0]
    brief = {name: entry[name] for name in ("lot_id", "units", "inspected", "errors_found", "annotators")}
    lots = [{**brief, "lot_id": f"k1-l{n}", "label_error_rate": RATE, "agreement": RATE} for n in range(3)]
    seen = page(said(lots=lots, issue=4))
    assert all(f"k1-l{n}" in seen.text for n in range(3))
    assert "no. 4" in seen.text
    assert "Label error rate of what leaves" in seen.text


@pytest.mark.parametrize(
    "more",
    [
        {"client_id": HOSTILE, "project_id": HOSTILE, "issued_at": HOSTILE},
        {"lot": {"lot_id": HOSTILE, "accepted_at": HOSTILE, "sample": [HOSTILE] * 3}},
        {"lot": {"agreement": {**RATE, "method": HOSTILE, "reason": HOSTILE}}},
        {"lot": {"label_error_rate": {**RATE, "value": None, "low": None, "high": None, "reason": HOSTILE}}},
        {"lot": {"label_error_rate": {**RATE, "method": HOSTILE}}},
        {"lot": {"ledger": {"entries": 1, "basis_sha256": HOSTILE}}},
        {"lot": {"fields": {HOSTILE: {"inspected": 1, "errors_found": 0, "agreement": RATE}}}},
        {"files": [{"name": HOSTILE, "rows": 1, "rows_sha256": HOSTILE, "sha256": HOSTILE}]},
        {"key": {"kid": HOSTILE, "public_key": HOSTILE}},
    ],
)  # fmt: skip
def test_a_hostile_text_stays_text_wherever_it_stands(more: dict[str, Any]) -> None:
    honest, seen = page(said()), page(said(**more))
    assert "<script>alert(1)</script>" in seen.text, "it is shown as what it is"
    assert not {tag for tag, _ in seen.elements} & {"script", "img", "a", "link", "iframe", "object", "form", "base"}
    attributes = {name for _, found in seen.elements for name in found}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "href", "style")}
    assert not set(seen.text) & set("\u202e\u2028\x00")
    assert seen.style == honest.style


def test_a_hostile_text_does_not_become_long() -> None:
    assert len(certificate_page(said(project_id="x" * 1_000_000), VOUCHED)) < 100_000


@pytest.mark.parametrize(
    "more",
    [
        {"lot": {"units": "<b>"}}, {"lot": {"label_error_rate": {**RATE, "high": "<b>"}}}, {"files": [{"rows": "<b>"}]},
        {"lot": {"plan": {"kind": "<b>"}}}, {"lots": 1}, {"key": None}, {"project": {"lots": "<b>"}},
        {"lot": {"guideline_versions": ["<b>"]}}, {"issue": "<b>"},
    ],
)  # fmt: skip
def test_what_is_no_number_where_one_belongs_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(CertificateBroken, match="No page can be made"):
        certificate_page(said(**more), VOUCHED)


@pytest.mark.parametrize(
    "more",
    [
        {"lot_units": 10**15}, {"sample_size": 10**9}, {"accept_max": -5}, {"lot_units": 0}, {"aql": 2.0, "ltpd": 3.0},
        {"log_ratio_reject": 1e300}, {"sample_size": 60, "accept_max": 60}, {"aql": 0.9, "ltpd": 0.1},
    ],
)  # fmt: skip
def test_a_plan_that_is_none_or_would_cost_too_much_is_not_drawn_and_the_rest_is(more: dict[str, Any]) -> None:
    plan = {**plan_dict(plan_for("sequential", 0.05, 0.05, 0.15, 0.05, 0.1, 60)), **more}
    seen = page(said(lot={"plan": plan}))
    assert "What is claimed" in seen.text
    if not any(tag == "svg" for tag, _ in seen.elements):
        assert "The plan is not drawn" in seen.text


def test_the_page_fetches_nothing_and_allows_its_own_style_alone() -> None:
    raw = certificate_page(said(), VOUCHED)
    seen = Seen(raw)
    (policy,) = [
        found["content"] for tag, found in seen.elements
        if tag == "meta" and found.get("http-equiv") == "content-security-policy"
    ]  # fmt: skip
    digest = base64.b64encode(hashlib.sha256(seen.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(rb"https?:|//|url\(|@import", raw.replace(b"<!doctype", b""))
    assert "prefers-color-scheme: dark" in seen.style
    assert raw == certificate_page(said(), VOUCHED)


@pytest.mark.parametrize("kind", ["sequential", "single", "fraction", "iso_2859_1"])
def test_the_curve_is_the_plans_own(kind: Any) -> None:
    """Held against the chance of every path, unit after unit, by the plainest means."""
    plan = plan_for(kind, 0.3, 0.04, 0.15, 0.05, 0.1, 50, Terms("II", "tightened"))
    plain = Plain(**{name: getattr(plan, name) for name in Plain._fields})
    wrong, passes = characteristic(plan, 0.4)
    assert (wrong[0], wrong[-1]) == (0, 20)
    for many in (0, 1, 2, 5, 9, 20):
        assert passes[list(wrong).index(many)] == pytest.approx(chance_of_acceptance(plain, many))


def test_the_curve_falls_from_the_left_to_the_right_and_shows_where_the_lot_is() -> None:
    plan = plan_for("sequential", 0.05, 0.01, 0.05, 0.05, 0.1, 5_000)
    drawn = curve(plan, Standing(0.02, 0.001, 0.04, 90, 2))
    (points,) = re.findall(r'polyline class="line" points="([^"]+)"', drawn)
    heights = [float(entry.split(",")[1]) for entry in points.split()]
    assert heights == sorted(heights)
    assert len(heights) <= 91
    assert 'class="band"' in drawn
    assert len(way(plan, Standing(0.02, 0.001, 0.04, 90, 2))) < 20_000


def test_a_lot_of_one_unit_has_no_curve() -> None:
    with pytest.raises(NotDrawn, match="2 to 10,000"):
        curve(plan_for("single", 0.05, 0.01, 0.05, 0.05, 0.1, 1), None)


async def test_the_page_of_an_accepted_lot_is_shown_to_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    audit = await sealed(RELABEL)
    path = f"/v1/lots/{LOT}/certificate.html"
    assert (await audit.client(path)).status == 409
    await audit.resolve()
    await audit.inspect({})
    await audit.erase(UNITS[4])
    answer = await audit.client(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("; frame-ancestors 'none'; sandbox")
    seen = Seen(answer.body)
    assert (LOT in seen.text, "1 unit of these were erased since" in seen.text) == (True, True)
    assert [tag for tag, _ in seen.elements].count("svg") == 2
    whole = await audit.client(f"/v1/projects/{PROJECT}/certificate.html")
    assert (whole.status, LOT in Seen(whole.body).text) == (200, True)
    assert (await audit.call("GET", path, role=Role.CLIENT, client_id="k2")).status == 404
    await audit.stop()


async def test_the_page_of_a_lot_by_the_standard_says_how_severely_it_was_inspected() -> None:
    audit = await sealed(policies.Audit(plan="iso_2859_1", aql=0.065, ltpd=0.3, on_reject="inspect_all"))
    await audit.resolve()
    await audit.inspect({})
    seen = Seen((await audit.client(f"/v1/lots/{LOT}/certificate.html")).body)
    assert "Normal inspection, level II, code letter " in seen.text
    await audit.stop()
