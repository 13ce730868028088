"""Certificates over HTTP: issued once, numbered, and the same for ever."""

import json
from collections.abc import AsyncIterator

import pytest

from services.audit.domain import issue
from services.audit.domain.verification import verify
from tests.support.audit import LOT, RELABEL, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.upstream import PROJECT

CERTIFICATE = f"/v1/projects/{PROJECT}/certificate"
LINE_ENDS = "one\u2028two\u2029three"

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", RELABEL))
    yield found
    await found.stop()


async def test_a_project_without_an_accepted_lot_has_no_certificate_and_no_export(audit: Audit) -> None:
    for path in (CERTIFICATE, f"/v1/projects/{PROJECT}/export"):
        answer = await audit.client(path)
        assert (answer.status, "nothing to certify" in answer.json()["detail"]) == (409, True)
    assert (await audit.client(CERTIFICATE, query="issue=1")).status == 404


async def test_a_projects_certificate_is_the_same_at_every_get_until_more_is_accepted(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    first = (await audit.client(CERTIFICATE)).body
    again = await audit.restarted()
    for _ in range(2):
        assert (await again.client(CERTIFICATE)).body == first
    others = unit_ids(20, first=100)
    await again.more(lot_id(2), others)
    await again.resolve(others)
    assert (await again.client(CERTIFICATE)).body == first
    await again.inspect({})
    second = (await again.client(CERTIFICATE)).body
    assert [lot["lot_id"] for lot in json.loads(second)["lots"]] == [LOT, lot_id(2)]
    assert (await again.client(CERTIFICATE, query="issue=1")).body == first
    assert (await again.client(CERTIFICATE, query="issue=2")).body == second
    for missing in ("issue=0", "issue=3"):
        assert (await again.client(CERTIFICATE, query=missing)).status == 404
    export = (await again.client(f"/v1/projects/{PROJECT}/export", query="issue=1")).body
    assert verify(first, [export]).statement["issue"] == 1
    await again.stop()


async def test_a_project_with_more_lots_than_a_certificate_covers_is_told(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audit.resolve()
    await audit.inspect({})
    monkeypatch.setattr(issue, "LOTS_MAX", 0)
    answer = await audit.client(CERTIFICATE)
    assert (answer.status, "Each lot has its own" in answer.json()["detail"]) == (409, True)


async def test_a_line_of_an_export_is_one_line_for_every_reader() -> None:
    audit = await sealed(RELABEL, {"kind": "text"})
    await audit.resolve(label=LINE_ENDS)
    await audit.inspect({}, default=LINE_ENDS)
    export = (await audit.client(f"/v1/lots/{LOT}/export")).body
    assert len(export.decode().splitlines()) == len(UNITS)
    assert {row["label"] for row in await audit.rows(LOT)} == {LINE_ENDS}
    verify((await audit.client(f"/v1/lots/{LOT}/certificate")).body, [export])
    await audit.stop()


async def test_every_place_tells_the_same_rate_of_a_lot(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})
    claim = (await audit.client(f"/v1/lots/{LOT}/certificate")).json()["lots"][0]
    summary = (await audit.client(CERTIFICATE)).json()["lots"][0]
    body = (await audit.events("lot_accepted"))[0]
    lot = await audit.lot()
    rate = {name: claim["label_error_rate"][name] for name in ("value", "low", "high")}
    assert lot["label_error_rate"] == rate
    assert summary["label_error_rate"] == claim["label_error_rate"]
    assert [body.label_error_rate, body.label_error_rate_low, body.label_error_rate_high] == list(rate.values())
    assert summary["certificate_sha256"] == body.certificate_sha256


async def test_agreement_is_of_the_labels_that_were_asked_of_every_unit(audit: Audit) -> None:
    """Two were asked for first; a third was asked for only where these two disagreed."""
    await audit.resolve(UNITS[:10], by=("a", "b"))
    await audit.resolve(UNITS[10:18], "no", by=("a", "b"))
    await audit.disagree(UNITS[18:], ["yes", "no", "yes"], overlap_initial=2)
    await audit.inspect(dict.fromkeys(UNITS[10:18], "no"))
    claim = (await audit.client(f"/v1/lots/{LOT}/certificate")).json()["lots"][0]
    # Coincidences by hand: 18 units agree, 2 do not; of 40 labels 22 say yes and 18 no.
    expected = 1 - (40 - 1) * 4 / (2 * 22 * 18)
    assert claim["agreement"]["value"] == pytest.approx(expected)
    assert (claim["agreement"]["units"], claim["agreement"]["units_left_out"], claim["annotations"]) == (20, 0, 42)
