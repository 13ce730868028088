"""Ledgers: what became of units, line after line, and certificates made again from them."""

import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from concord.chassis.identity import Role
from concord.chassis.journal.record import JOURNAL
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    Evidence,
    ParticipantJoined,
    Referral,
    RegionOrigin,
)
from concord.labels import Json, encoded
from concord.version import VERSION
from services.audit.domain import agreement, provenance
from services.audit.domain.ledger import LedgerBroken
from services.audit.domain.replay import replay
from services.audit.domain.sampling import draw_seed
from services.audit.domain.signing import CertificateBroken
from services.audit.repository import unit_key
from services.ingest.domain import project as policies
from tests.support.audit import CHOICE, INSPECT_ALL, LOT, RELABEL, UNITS, Audit, sealed
from tests.support.upstream import PROJECT

pytestmark = pytest.mark.usefixtures("lives")
FORM = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}},
        {"name": "why", "schema": {"kind": "text"}, "required": False},
    ],
}


@pytest.fixture
async def audit(request: pytest.FixtureRequest, lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(getattr(request, "param", RELABEL))
    yield found
    await found.stop()


async def handed_over(audit: Audit) -> tuple[bytes, list[bytes], str]:
    """Return the lot's certificate, its ledger's lines and the key."""
    certificate = (await audit.client(f"/v1/lots/{LOT}/certificate")).body
    ledger = (await audit.client(f"/v1/lots/{LOT}/ledger")).body.splitlines(keepends=True)
    return certificate, ledger, audit.handlers.means.signer.public_key


async def lineage(audit: Audit, unit_id: str) -> Any:
    return (await audit.client(f"/v1/units/{unit_id}/lineage")).json()


async def accepted(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})


@pytest.mark.parametrize("audit", [RELABEL, INSPECT_ALL], indirect=True, ids=["relabel", "inspect all"])
async def test_a_certificate_is_made_again_to_the_byte_from_the_ledger(audit: Audit) -> None:
    await audit.resolve()
    wrong = dict.fromkeys(UNITS[:12], "no")
    await audit.inspect(wrong)
    if (await audit.lot())["status"] == "relabelling":
        await audit.resolve(label="no", rework=1, by=("w3", "w4"))
        await audit.inspect({}, default="no")
    certificate, ledger, key = await handed_over(audit)
    found = replay(certificate, ledger, [key])
    assert (found.differing, found.erased, found.units, found.trusted) == ((), 0, len(UNITS), True)
    pretty = json.dumps(json.loads(certificate), indent=3, ensure_ascii=True).encode()
    assert replay(pretty, ledger).differing == ()


async def test_whoever_has_certificate_and_export_draws_the_sample_again_by_the_seed(audit: Audit) -> None:
    await audit.resolve()
    before = [state.seed for state in await audit.repository.lots([LOT])]
    assert b"seed" not in (await audit.client(f"/v1/lots/{LOT}")).body
    await audit.inspect({})
    certificate = json.loads((await audit.client(f"/v1/lots/{LOT}/certificate")).body)
    (claim,) = certificate["lots"]
    assert [claim["seed"]] == before
    units = [row["unit_id"] for row in await audit.rows(LOT)]

    def drawn(unit: str) -> bytes:
        entry = f"{LOT}\x00{claim['rework']}\x00{unit}".encode()
        return hmac.digest(bytes.fromhex(claim["seed"]), entry, "sha256")

    assert sorted(units, key=drawn)[: claim["inspected"]] == claim["sample"]
    assert claim["seed"] != draw_seed(audit.handlers.means.sample_secret, LOT, 1).hex(), "the next draw has another"
    assert certificate["software"] == {"name": "concord", "version": VERSION}
    assert certificate["software"] == (await audit.client("/v1/projects/k1-p/certificate")).json()["software"]


def signed_over(audit: Audit, certificate: bytes, ledger: list[bytes], change: Callable[[Any], None]) -> list[bytes]:
    """Return a certificate and a ledger's lines as another version would have written their basis and signed them."""
    basis = json.loads(ledger[0])
    change(basis)
    first = json.dumps(basis).encode()
    body = json.loads(certificate)
    body = {name: value for name, value in body.items() if name not in {"key", "signature"}}
    body["lots"][0]["ledger"]["basis_sha256"] = hashlib.sha256(first).hexdigest()
    if "software" not in basis["rules"]:
        del body["software"]
    if "seed" not in basis["rules"]["lot"]:
        del body["lots"][0]["seed"]
    return [audit.handlers.means.signer.signed(body), first + b"\n", *ledger[1:]]


async def test_what_an_earlier_version_wrote_is_made_again_as_it_was_recorded(audit: Audit) -> None:
    await accepted(audit)
    certificate, ledger, _ = await handed_over(audit)

    def earlier(basis: Any) -> None:
        del basis["rules"]["software"], basis["rules"]["lot"]["seed"]

    signed, *lines = signed_over(audit, certificate, ledger, earlier)
    assert replay(signed, lines).differing == ()


async def test_a_sample_that_its_seed_does_not_draw_is_found(audit: Audit) -> None:
    await accepted(audit)
    certificate, ledger, _ = await handed_over(audit)

    def another(basis: Any) -> None:
        basis["rules"]["lot"]["seed"] = "00" * 32

    signed, *lines = signed_over(audit, certificate, ledger, another)
    assert replay(signed, lines).differing == ("the sample is not the one that the seed draws",)


@pytest.mark.parametrize(
    ("schema", "label", "policy"),
    [
        ({"kind": "number", "low": 0, "high": 9}, 4.5, RELABEL),
        (FORM, {"answers": {"toxic": "yes"}}, INSPECT_ALL),
        (CHOICE, "yes", policies.Audit(plan="fraction", fraction=0.3, aql=0.4, ltpd=0.5, on_reject="relabel")),
        (CHOICE, "yes", policies.Audit(plan="single", aql=0.05, ltpd=0.3, on_reject="relabel")),
    ],
    ids=["number", "form", "percentage", "single"],
)
async def test_every_kind_of_plan_and_of_label_is_made_again(schema: Any, label: Any, policy: policies.Audit) -> None:
    audit = await sealed(policy, schema)
    await audit.resolve(label=label)
    await audit.inspect({}, default=label)
    certificate, ledger, _ = await handed_over(audit)
    assert replay(certificate, ledger).differing == ()
    await audit.stop()


async def test_sampled_agreement_over_texts_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "UNITS_MAX", 7)
    generator = random.Random(3)
    audit = await sealed(RELABEL, {"kind": "text"})
    for unit in UNITS:
        labels = ["".join(generator.choice("abc ") for _ in range(20)).strip() or "x" for _ in range(2)]
        await audit.disagree([unit], labels, overlap_initial=2)
    state = await audit.repository.units(UNITS)
    for unit in await audit.work(query="limit=500"):
        await audit.verdicts([unit], json.loads(state[unit].label))
    certificate, ledger, _ = await handed_over(audit)
    assert json.loads(certificate)["lots"][0]["agreement"]["units"] == 7
    assert replay(certificate, ledger).differing == ()
    await audit.stop()


async def test_every_changed_byte_of_a_ledger_is_found_and_its_unit_named(audit: Audit) -> None:
    await accepted(audit)
    certificate, ledger, _ = await handed_over(audit)
    generator = random.Random(1)
    whole = b"".join(ledger)
    for place in sorted(generator.sample(range(len(whole)), 300)):
        changed = bytearray(whole)
        changed[place] ^= 1
        if changed[place] in b"\n" or whole[place] in b"\n":
            continue
        number = whole[:place].count(b"\n")
        named = "first line" if number == 0 else UNITS[number - 1]
        # The client's own name of a unit is in the export's digest, and in no line of the unit's.
        text = outcome(certificate, bytes(changed).splitlines(keepends=True))
        assert named in text or "files[0]" in text, (place, text, changed[max(0, place - 30) : place + 30])


def outcome(certificate: bytes, ledger: list[bytes]) -> str:
    try:
        return " ".join(replay(certificate, ledger).differing)
    except LedgerBroken as broken:
        return str(broken)


async def test_a_missing_unit_and_a_missing_entry_are_named(audit: Audit) -> None:
    await accepted(audit)
    certificate, ledger, _ = await handed_over(audit)
    with pytest.raises(LedgerBroken, match=f"Unit {UNITS[3]} is missing"):
        replay(certificate, [*ledger[:4], *ledger[5:]])
    with pytest.raises(LedgerBroken, match=f"Unit {UNITS[-1]} is missing"):
        replay(certificate, ledger[:-1])
    with pytest.raises(LedgerBroken, match="more units"):
        replay(certificate, [*ledger, ledger[-1]])
    line = msgspec.json.decode(ledger[4])
    for kept, text in (([0], "Entry 2 of unit"), ([1], "Entry 1 of unit")):
        shorter = msgspec.json.encode({**line, "lines": [line["lines"][place] for place in kept]})
        with pytest.raises(LedgerBroken, match=f"{text} {UNITS[3]} is missing"):
            replay(certificate, [*ledger[:4], shorter, *ledger[5:]])


async def test_a_projects_certificate_is_told_to_be_made_of_others(audit: Audit) -> None:
    await accepted(audit)
    _, ledger, _ = await handed_over(audit)
    with pytest.raises(CertificateBroken, match="Only a lot's own"):
        replay((await audit.client(f"/v1/projects/{PROJECT}/certificate")).body, ledger)


async def test_a_unit_that_was_asked_about_before_it_has_a_label_keeps_how_it_came(audit: Audit) -> None:
    await audit.upstream.reidentified(UNITS[0])
    await audit.settle()
    assert [entry["what"] for entry in (await lineage(audit, UNITS[0]))["entries"]] == ["admitted", "reidentified"]
    await accepted(audit)
    entries = [entry["what"] for entry in (await lineage(audit, UNITS[0]))["entries"]]
    assert entries[:3] == ["admitted", "reidentified", "resolved"]
    assert all(row["source_id"] for row in await audit.rows(LOT)), "by the name that its client gave it"


async def test_a_units_lineage_says_who_was_told_whose_data_it_is_and_why(audit: Audit) -> None:
    await accepted(audit)
    certificate, ledger, key = await handed_over(audit)
    await audit.upstream.reidentified(UNITS[0])
    await audit.settle()
    body = await lineage(audit, UNITS[0])
    entry = body["entries"][-1]
    assert (entry["what"], entry["by"], entry["reason"]) == ("reidentified", "officer", "case 7")
    assert (entry["how"], entry["kinds"]) == ("compared", {"email": {"asked": 2, "told": 1}})
    assert body["holds"]
    asking = provenance.provenance(UNITS[0], body["lines"])["activity"]
    assert "c:Reidentifying" in {row["prov:type"] for row in asking.values()}
    assert (await handed_over(audit))[0] == certificate, "what was signed stays as it was"
    assert replay(certificate, ledger, [key]).differing == ()
    await audit.erase(UNITS[0])
    assert [row["what"] for row in (await lineage(audit, UNITS[0]))["entries"]][-2:] == ["reidentified", "erased"]


async def test_an_erased_units_ledger_holds_and_no_longer_tells_its_label(audit: Audit) -> None:
    await accepted(audit)
    await audit.erase(UNITS[5])
    certificate, ledger, _ = await handed_over(audit)
    found = replay(certificate, ledger)
    assert (found.erased, found.differing) == (1, ())
    body = await lineage(audit, UNITS[5])
    assert (body["erased"], body["holds"], [entry["what"] for entry in body["entries"]][-1]) == (True, True, "erased")
    line = msgspec.json.decode(ledger[6])
    assert line.keys() == {"unit_id", "lines", "erased"}
    assert b"yes" not in ledger[6]


async def test_lineage_tells_who_did_what_under_which_guideline(audit: Audit) -> None:
    unit = UNITS[0]
    evidence = [
        Evidence(annotation_id=f"a{n}", annotator_id=f"w{n}", label=encoded("yes"), guideline_version=n) for n in (1, 2)
    ]
    ruled = Adjudicated(
        unit_id=unit, label=b'"yes"', adjudicator_id="senior", guideline_version=2, evidence=evidence, overlap_initial=2
    )
    await audit.upstream.resolution(unit, adjudicated=ruled)
    await audit.upstream.resolution(unit, participant_joined=ParticipantJoined(unit_id=unit, annotator_id="w9"))
    await audit.resolve(UNITS[1:])
    await audit.inspect({})
    lot = await lineage(audit, unit)
    assert lot["holds"]
    assert [entry["what"] for entry in lot["entries"]][:3] == ["admitted", "resolved", "joined"]
    codes = audit.handlers.means.ledger.codes(PROJECT)
    resolved = lot["entries"][1]
    assert resolved["adjudicator"] == codes("senior")
    assert [
        (annotation["annotation_id"], annotation["annotator"], annotation["guideline_version"])
        for annotation in resolved["annotations"]
    ] == [
        ("a1", codes("w1"), 1),
        ("a2", codes("w2"), 2),
    ]
    for name in ("w1", "w9", "senior", "auditor"):
        assert f': "{name}"' not in json.dumps(lot)
    assert lot["lot_id"] == LOT
    stranger = await audit.call("GET", f"/v1/units/{unit}/lineage", role=Role.CLIENT, client_id="k2")
    assert stranger.status == 404
    prov = provenance.provenance(unit, lot["lines"])
    plans = {entry.get("prov:plan") for entry in prov["wasAssociatedWith"].values()}
    assert plans >= {"c:guideline/1", "c:guideline/2"}


async def test_what_an_adjudicator_set_aside_is_in_lineage_and_certificate_and_agreement_rests_on_it(
    lives: int,
) -> None:
    del lives
    audit = await sealed(RELABEL)

    def given(name: str, label: str, referral: int) -> Evidence:
        word = encoded(label)
        return Evidence(annotation_id=f"{name}{referral}", annotator_id=name, label=word, referral=referral)

    back = Referral(adjudicator_id="senior", comment="Look again.", to="same", at_us=1_766_534_900_000_000)
    for unit in UNITS[:2]:
        reached = ConsensusReached(
            unit_id=unit, label=b'"yes"', confidence=0.97, method="posterior", guideline_version=1, overlap_initial=2,
            evidence=[given("w1", "yes", 1), given("w2", "yes", 1)], participants=["w1", "w2", "senior"],
            referrals=[back], set_aside=[given("w1", "no", 0), given("w2", "yes", 0)],
        )  # fmt: skip
        await audit.upstream.resolution(unit, consensus_reached=reached)
    await audit.resolve(UNITS[2:])
    await audit.inspect({})
    body = await lineage(audit, UNITS[0])
    entry, codes = body["entries"][1], audit.handlers.means.ledger.codes(PROJECT)
    assert entry["referrals"] == [
        {"adjudicator": codes("senior"), "to": "same", "at": "2025-12-24T00:08:20.000000+00:00"}
    ]
    assert [each["annotation_id"] for each in entry["set_aside"]] == ["w10", "w20"]
    assert body["holds"]
    assert "Look again." not in json.dumps(body), "words may name somebody; they are adjudicate's to keep"
    prov = provenance.provenance(UNITS[0], body["lines"])
    gone = {row["prov:entity"] for row in prov["wasInvalidatedBy"].values()}
    assert gone == {f"c:entry/{UNITS[0]}/2/set-aside/{place}/label" for place in (0, 1)}
    certificate, ledger, key = await handed_over(audit)
    (claim,) = json.loads(certificate)["lots"]
    assert (claim["units_referred_back"], claim["annotations_set_aside"]) == (2, 4)
    assert claim["annotations"] == 2 * len(UNITS), "of those that were set aside none counts"
    assert claim["agreement"]["value"] < 1, "people did not agree before somebody told them"
    assert replay(certificate, ledger, [key]).differing == ()
    page = (await audit.client(f"/v1/lots/{LOT}/certificate.html")).body.decode()
    assert "2 units; 4 annotations set aside" in page
    broken = [line.replace(b'"set_aside":["\\"no\\"', b'"set_aside":["\\"yes\\"') for line in ledger]
    assert broken != ledger
    with pytest.raises(LedgerBroken):
        replay(certificate, broken, [key])
    await audit.stop()


BOXES = {"kind": "boxes", "classes": ["car"]}


async def test_what_an_adjudicator_did_with_drawn_objects_is_in_lineage_and_certificate_and_is_made_again(
    lives: int,
) -> None:
    del lives
    audit = await sealed(RELABEL, BOXES)
    box: dict[str, Json] = {"left": 0.0, "top": 0.0, "right": 9.0, "bottom": 9.0, "class": "car"}
    drawn: Json = {"boxes": [box, {**box, "left": 5.0}]}
    evidence = [Evidence(annotation_id=f"a{n}", annotator_id=f"w{n}", label=encoded(drawn)) for n in (1, 2)]
    for unit, dropped in ((UNITS[0], 1), (UNITS[1], 3)):
        ruled = Adjudicated(
            unit_id=unit, label=encoded(drawn), adjudicator_id="senior", guideline_version=1, evidence=evidence,
            overlap_initial=2, regions=[
                RegionOrigin(place=0, origin="drawn", evidence=[0, 1]),
                RegionOrigin(place=1, origin="corrected", evidence=[1]),
            ], regions_dropped=dropped,
        )  # fmt: skip
        await audit.upstream.resolution(unit, adjudicated=ruled)
    await audit.resolve(UNITS[2:], drawn)
    await audit.inspect({}, default=drawn)
    body = await lineage(audit, UNITS[0])
    assert body["entries"][1]["regions"] == {"": [["drawn", 0, 1], ["corrected", 1]]}
    assert body["entries"][1]["regions_dropped"] == 1
    assert "regions" not in (await lineage(audit, UNITS[2]))["entries"][1], "consensus settled it"
    prov = provenance.provenance(UNITS[0], body["lines"])
    act = f"c:entry/{UNITS[0]}/2"
    derived = {(entry["prov:generatedEntity"], entry["prov:usedEntity"]) for entry in prov["wasDerivedFrom"].values()}
    assert (f"{act}/label/regions/1", f"{act}/annotation/1/label") in derived
    certificate, ledger, key = await handed_over(audit)
    (claim,) = json.loads(certificate)["lots"]
    assert claim["regions_ruled"] == {"units": 2, "drawn": 2, "merged": 0, "corrected": 2, "added": 0, "dropped": 4}
    assert replay(certificate, ledger, [key]).differing == ()
    page = (await audit.client(f"/v1/lots/{LOT}/certificate.html")).body.decode()
    assert "2 units: 2 regions as somebody drew them" in page
    await audit.stop()


async def test_a_record_that_was_changed_or_taken_from_the_store_is_named(audit: Audit) -> None:
    await accepted(audit)
    journal = audit.house.database("audit").shelf(JOURNAL.name)
    shelf = journal.documents
    unit = (await audit.events("unit_audited"))[0].unit_id
    await audit.upstream.resolution(unit, participant_joined=ParticipantJoined(unit_id=unit, annotator_id="w9"))
    await audit.settle()
    key = unit_key(unit)
    numbers = sorted(entry["seq"] for entry in shelf.values() if entry["aggregate"] == key)
    assert len(numbers) > 2
    first, last = f"{key}/{numbers[0]:06d}", f"{key}/{numbers[-1]:06d}"
    honest = dict(shelf[last])
    state = msgspec.json.decode(honest["state"])
    shelf[last] = {**honest, "state": msgspec.json.encode({**state, "label": '"no"'})}
    error = await lineage(audit, unit)
    assert (error["holds"], f"A label of unit {unit} was changed" in error["problem"]) == (False, True)
    lines = [line.replace("posterior", "majority ") for line in state["history"]]
    shelf[last] = {**honest, "state": msgspec.json.encode({**state, "history": lines})}
    error = await lineage(audit, unit)
    assert (error["holds"], unit in error["problem"], "ntry 2 " in error["problem"]) == (False, True, True), error[
        "problem"
    ]
    shelf[last] = honest
    assert (await lineage(audit, unit))["holds"]
    middle = f"{key}/{numbers[1]:06d}"
    taken = shelf[middle]
    journal.delete(middle)
    assert f"Record {numbers[1]} of unit {unit} is missing" in (await lineage(audit, unit))["problem"]
    journal.insert(taken)
    assert first in shelf


async def test_a_unit_decided_by_consensus_tells_its_overlap(audit: Audit) -> None:
    reached = ConsensusReached(unit_id=UNITS[0], label=b'"yes"', confidence=0.9, method="posterior", overlap_initial=3)
    await audit.upstream.resolution(UNITS[0], consensus_reached=reached)
    await audit.settle()
    entry = (await lineage(audit, UNITS[0]))["entries"][-1]
    assert (entry["what"], entry["overlap_initial"], entry["annotations"]) == ("resolved", 3, [])
