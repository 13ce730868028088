"""What accepted lots hold of who is at fault for a rejection is inspected once more, and what is wrong is corrected."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from concord.chassis.errors import Unavailable
from concord.chassis.identity import Role
from concord.chassis.journal.journal import Journal
from concord.quality.intervals import lot_proportion
from services.audit.domain.corrections import CORRECTIONS
from services.audit.domain.recheck import HOUR_US, RADIUS, REMEMBERED_MAX, Recheck, RechecksState, done, raised
from services.audit.domain.signing import opened
from services.audit.repository import LOT as LOT_KIND
from services.audit.repository import RECHECKS as RECHECKS_KIND
from simulation.house import Answer
from tests.support.audit import LOT, Audit, sealed
from tests.support.radius import AGAIN, OTHER, OTHERS, THIRD, THIRDS, events_of, inspected, lot_of, reject, settle
from tests.support.upstream import PROJECT

SIZED = msgspec.structs.replace(AGAIN, aql=0.15, radius_recheck_share=0.4)
"""Of the dozen units in doubt that nobody has inspected, a handful is looked at first; one wrong of a sample may be."""
BY_HAND = msgspec.structs.replace(SIZED, radius_recheck_share=0.0)
PATH = f"/v1/projects/{PROJECT}/rechecks"

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    """Audit of a project of which one lot has left, all of it labelled by whoever is at fault for the next one.

    One of its units was found wrong, so it is not where their labels held.
    """
    del lives
    found = await sealed(getattr(request, "param", SIZED))
    await found.more(OTHER, OTHERS)
    await settle(found, OTHERS, {"bad": "yes"})
    await inspected(found, OTHERS, {(await found.work())[0]: "no"})
    yield found
    await found.stop()


async def rechecks(audit: Audit) -> list[Any]:
    found: list[Any] = (await audit.client(PATH)).json()["rechecks"]
    return found


async def ask(audit: Audit, rejected_lot_id: str) -> Answer:
    return await audit.call("POST", PATH, role=Role.OPERATOR, body={"lot_id": rejected_lot_id})


async def left_uninspected(audit: Audit) -> set[str]:
    (drawn,) = [drawn for drawn in await audit.events("sample_drawn") if drawn.lot_id == OTHER]
    return set(OTHERS) - set(drawn.unit_ids)


async def left_by_others(audit: Audit) -> None:
    """Have a second lot leave, none of whose units is of whoever is at fault."""
    await audit.more(THIRD, THIRDS)
    await settle(audit, THIRDS, {"good": "yes"})
    await inspected(audit, THIRDS)


async def look(audit: Audit, units: Sequence[str], label: str = "yes") -> None:
    for unit in units:
        assert await audit.verdicts([unit], label) == ["taken"]


async def test_a_rejection_has_as_many_of_their_units_that_left_inspected_as_show_that_few_are_wrong(
    audit: Audit,
) -> None:
    in_doubt = await left_uninspected(audit)
    await left_by_others(audit)
    await reject(audit)
    (raised,) = await audit.events("recheck_raised")
    assert (raised.measure, raised.rejected_lot_id, list(raised.annotator_ids)) == (RADIUS, LOT, ["bad"])
    assert (set(raised.unit_ids), raised.among_units) == (in_doubt, len(in_doubt)), "inspected ones are known"
    # Of 12 with 5 wrong ones, 4 hold none with a chance of 7 %, and 5 with 3 %.
    assert raised.first == 5
    (entry,) = await rechecks(audit)
    assert (entry["status"], entry["measure"], entry["wanted"]) == ("rechecking", RADIUS, 5)
    assert (entry["rejected_lot_id"], entry["annotator_ids"]) == (LOT, ["bad"])
    assert await audit.work() == list(raised.unit_ids[:5])
    assert await audit.work("bad") == [], "who labelled them is listed none"
    assert not (await lot_of(audit, raised.lot_id))["held"]
    before = {path: (await audit.client(f"/v1/lots/{OTHER}/{path}")).body for path in ("certificate", "export")}
    await look(audit, raised.unit_ids[:5])
    (concluded,) = await audit.events("recheck_concluded")
    assert (concluded.units, concluded.changed, concluded.rejected_lot_id) == (5, 0, LOT)
    wanted = lot_proportion(0, 5, len(in_doubt))
    assert concluded.changed_rate_high == pytest.approx(wanted.high)
    assert await audit.events("lot_corrected") == []
    assert (await audit.client(f"/v1/lots/{OTHER}/corrections")).status == 404
    for path in ("certificate", "export"):
        assert (await audit.client(f"/v1/lots/{OTHER}/{path}")).body == before[path]


async def test_where_one_is_wrong_all_are_inspected_and_what_is_wrong_is_corrected_beside_the_certificate(
    audit: Audit,
) -> None:
    await reject(audit)
    (raised,) = await audit.events("recheck_raised")
    before = {path: (await audit.client(f"/v1/lots/{OTHER}/{path}")).body for path in ("certificate", "export")}
    wrong = [raised.unit_ids[1], raised.unit_ids[-1]]
    await look(audit, raised.unit_ids[:1])
    await look(audit, wrong[:1], "no")
    assert await audit.work() == [raised.unit_ids[0], *raised.unit_ids[2:]][1:]
    await look(audit, raised.unit_ids[2:-1])
    assert await audit.events("recheck_concluded") == []
    await look(audit, wrong[1:], "no")
    (concluded,) = await audit.events("recheck_concluded")
    assert (concluded.units, set(concluded.changed_unit_ids)) == (len(raised.unit_ids), set(wrong))
    share = pytest.approx(2 / len(raised.unit_ids))
    assert (concluded.changed_rate_low, concluded.changed_rate_high) == (share, share), "nothing is left in doubt"
    (corrected,) = await audit.events("lot_corrected")
    assert (corrected.lot_id, corrected.recheck_lot_id, set(corrected.unit_ids)) == (OTHER, raised.lot_id, set(wrong))
    assert corrected.certificate_sha256 == hashlib.sha256(before["certificate"]).hexdigest()
    assert (await lot_of(audit, OTHER))["corrected_since"] == len(wrong)
    for path in ("certificate", "export"):
        assert (await audit.client(f"/v1/lots/{OTHER}/{path}")).body == before[path], "what was certified stays"


async def test_the_corrections_are_signed_and_say_which_lines_were_certified_and_how_they_read_now(
    audit: Audit,
) -> None:
    await reject(audit)
    (raised,) = await audit.events("recheck_raised")
    wrong = set(raised.unit_ids[:2])
    await look(audit, raised.unit_ids[:2], "no")
    await look(audit, raised.unit_ids[2:])
    lines = (await audit.client(f"/v1/lots/{OTHER}/export")).body.splitlines(keepends=True)
    answer = await audit.client(f"/v1/lots/{OTHER}/corrections")
    document = answer.json()
    assert document["certificate_sha256"] == (await audit.events("lot_accepted"))[0].certificate_sha256
    assert {entry["unit_id"] for entry in document["corrected"]} == wrong
    for entry in document["corrected"]:
        certified = lines[entry["line"] - 1]
        assert hashlib.sha256(certified).hexdigest() == entry["certified_sha256"]
        now = {**msgspec.json.decode(certified), "label": "no", "method": "audited", "confidence": 1.0}
        assert msgspec.json.decode(entry["row"]) == now
        assert entry["sha256"] == hashlib.sha256(entry["row"].encode() + b"\n").hexdigest()
    opened(answer.body, CORRECTIONS)  # holds the signature against what it is over
    assert (await audit.client(f"/v1/lots/{OTHER}/corrections")).body == answer.body, "the same bytes"
    await audit.erase(next(iter(wrong)))
    assert len((await audit.client(f"/v1/lots/{OTHER}/corrections")).json()["corrected"]) == 1


@pytest.mark.parametrize("audit", [BY_HAND], indirect=True)
async def test_one_is_asked_for_where_the_project_raises_none_and_the_same_while_it_goes_on(audit: Audit) -> None:
    refused = await ask(audit, OTHER)
    assert (refused.status, [fault["field"] for fault in refused.json()["errors"]]) == (409, ["lot_id"])
    await reject(audit)
    assert await rechecks(audit) == []
    assert (await ask(audit, "l-nowhere")).status == 404
    first = await ask(audit, LOT)
    assert (first.status, first.json()["measure"]) == (201, RADIUS)
    assert (await ask(audit, LOT)).json()["lot_id"] == first.json()["lot_id"]
    await audit.settle()
    (raised,) = await audit.events("recheck_raised")
    assert raised.first == len(raised.unit_ids), "so few that all are looked at to show a twentieth"
    await look(audit, raised.unit_ids)
    again = (await ask(audit, LOT)).json()
    assert again["lot_id"] != first.json()["lot_id"]
    await audit.settle()
    assert [(entry["status"], entry["units"]) for entry in await rechecks(audit)] == [
        ("rechecked", 0),
        ("rechecked", len(raised.unit_ids)),
    ]


@pytest.mark.parametrize("where", ["radius/", "recheck/", "gathered/", "corrected/", "done/"])
async def test_a_process_that_dies_anywhere_between_raises_one_and_corrects_once(
    audit: Audit, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    honest, away = Journal.decide, [True]

    async def failing(self: Journal, kind: Any, cause: Any, **more: Any) -> Any:
        if kind in (LOT_KIND, RECHECKS_KIND) and cause.id.startswith(where) and away:
            raise Unavailable("The store does not answer.")
        return await honest(self, kind, cause, **more)

    monkeypatch.setattr(Journal, "decide", failing)
    await reject(audit)
    if where in ("corrected/", "done/"):
        (raised,) = await audit.events("recheck_raised")
        await look(audit, raised.unit_ids, "no")
    assert await audit.events("recheck_concluded") == []
    away.clear()
    again = await audit.restarted()
    try:
        await again.settle()
        await inspected(again, OTHERS, dict.fromkeys(OTHERS, "no"))
        assert [entry["status"] for entry in await rechecks(again)] == ["rechecked"]
        ids = {
            kind: {event.metadata.event_id for event in events_of(again, kind)}
            for kind in ("recheck_raised", "recheck_concluded", "lot_corrected")
        }
        assert {kind: len(found) for kind, found in ids.items()} == dict.fromkeys(ids, 1)
    finally:
        await again.stop()


async def test_a_new_process_goes_on_where_one_was_found_wrong(audit: Audit) -> None:
    await reject(audit)
    (raised,) = await audit.events("recheck_raised")
    await look(audit, raised.unit_ids[:1], "no")
    await look(audit, raised.unit_ids[1:-1])
    again = await audit.restarted()
    try:
        assert await again.work() == list(raised.unit_ids[-1:])
        await look(again, raised.unit_ids[-1:])
        assert len(await again.events("lot_corrected")) == 1
    finally:
        await again.stop()


def test_no_more_go_on_at_a_time_than_are_listed_and_those_that_do_are_not_let_go_of() -> None:
    state = RechecksState(PROJECT)
    for number in range(REMEMBERED_MAX):
        after = raised(state, Recheck(f"r{number}", RADIUS, "", 0, 0, number))
        assert after is not None
        state = after
    assert raised(state, Recheck("more", RADIUS, "", 0, 0, 99)) is None
    state = done(done(state, "r3"), "r7")
    after = raised(state, Recheck("more", RADIUS, "", 0, 0, 99))
    assert after is not None
    assert [recheck.lot_id for recheck in after.raised if recheck.done] == ["r7"], "the newest that are done stay"
    assert len(after.raised) == REMEMBERED_MAX
    drifted = raised(done(after, "r9"), Recheck("d", "labels", "", 0, 0, 99), pause_hours=24)
    assert drifted is not None, "the pause is between those that drift raises"
    drifted = done(done(drifted, "d"), "r1")
    assert raised(drifted, Recheck("e", "labels", "", 0, 0, 99 + HOUR_US), pause_hours=24) is None
