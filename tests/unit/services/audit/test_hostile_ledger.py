"""A ledger and a certificate that anybody may have changed, or made up: a replay says so, and never breaks off."""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.audit.domain.acceptance import Acceptance, Rules
from services.audit.domain.ledger import Ledger, LedgerBroken, Settlers
from services.audit.domain.lot import LotState
from services.audit.domain.replay import UnitLine, replay
from services.audit.domain.sampling import draw_seed, inspection_order
from services.audit.domain.signing import CertificateBroken, Signer
from services.audit.domain.unit import (
    Evidence,
    Inspection,
    Resolution,
    UnitState,
    inspected,
    repeated,
    resolved,
)
from services.audit.domain.verdict import plan_for
from services.audit.domain.verification import is_manifest
from tests.support.audit import LOT, unit_ids
from tests.support.upstream import PROJECT

LEDGER, UNITS = Ledger(b"secret"), unit_ids(6)
SAID = Resolution(
    '"yes"', 0, "posterior", 0.97, (Evidence("w1", '"yes"', 1), Evidence("w2", '"yes"', 1)), 2, ["w1", "w2"], 1
)
FIRST = Inspection("auditor", '"yes"', 0, True, stated=0.97, to_repeat=True)
SECOND = Inspection("second", '"no"', 0, False)


def unit_of(unit_id: str) -> UnitState:
    """Return a unit that was labelled, inspected and inspected once more, with its ledger."""
    unit = UnitState(unit_id, PROJECT, f"name of {unit_id}", admitted=True)
    unit = LEDGER.admitted(None, unit, 1, "e1")
    after = resolved(unit, unit_id, PROJECT, SAID)
    assert after is not None
    unit = LEDGER.resolved(unit, after, 2, "e2", Settlers())
    unit = LEDGER.inspected(unit, inspected(unit, FIRST, (0, 0)), 3, FIRST)
    return LEDGER.repeated(unit, repeated(unit, SECOND, (0, 0)), 4, SECOND)


def line_of(unit: UnitState) -> bytes:
    salt, rows = LEDGER.salt(unit.unit_id), tuple(evidence.label for evidence in unit.evidence)
    return msgspec.json.encode(
        UnitLine(unit.unit_id, unit.history, False, salt, unit.source_id, unit.label, rows, '"yes"', '"no"')
    )


def made() -> tuple[dict[str, Any], list[bytes]]:
    """Return what a lot's certificate says, and the lot's ledger."""
    seed = draw_seed(b"secret", LOT, 0)
    order = inspection_order(seed, LOT, 0, UNITS)
    plan = plan_for("single", 0.05, 0.1, 0.5, 0.1, 0.2, len(UNITS))
    lot = LotState(LOT, PROJECT, tuple(UNITS), "auditing", plan=plan, order=order, seed=seed.hex())
    schema = {"kind": "choice", "classes": ["no", "yes"]}
    acceptance = Acceptance(Rules("k1", lot, schema, 2, 2, 1, None, 1_700_000_000_000_000))
    units = [unit_of(unit) for unit in UNITS]
    acceptance.add(units)
    found = acceptance.made()
    assert found is not None
    return found.statement, [found.basis, *map(line_of, units)]


STATEMENT, LINES = made()
CERTIFICATE = Signer(b"ours").signed(STATEMENT)


def test_what_was_signed_is_made_again() -> None:
    found = replay(CERTIFICATE, LINES)
    assert found.differing == ()
    assert found.statement["lots"][0]["repeats"]["overturned"] > 0


def test_any_flipped_bit_of_a_ledger_is_told_in_a_sentence() -> None:
    draw, whole = random.Random(4), b"\n".join(LINES)
    for _ in range(400):
        place, bit = draw.randrange(len(whole)), 1 << draw.randrange(8)
        lines = (whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]).split(b"\n")
        try:
            found = replay(CERTIFICATE, lines)
        except (LedgerBroken, CertificateBroken):
            continue
        assert found.differing, (place, bit)


def test_labels_that_are_left_out_are_not_taken_for_erased() -> None:
    unit_line = msgspec.json.decode(LINES[2], type=UnitLine)
    silent = msgspec.json.encode(UnitLine(unit_line.unit_id, unit_line.lines, erased=True))
    with pytest.raises(LedgerBroken, match="no entry says that it was erased"):
        replay(CERTIFICATE, [*LINES[:2], silent, *LINES[3:]])
    unit = unit_of(unit_line.unit_id)
    gone = LEDGER.erased(unit, UnitState(unit.unit_id, PROJECT, withdrawn=True), 9, "e9")
    erased = msgspec.json.encode(UnitLine(unit_line.unit_id, gone.history, erased=True))
    assert replay(CERTIFICATE, [*LINES[:2], erased, *LINES[3:]]).erased == 1


@pytest.mark.parametrize("lots", [5, None, [5], [{"ledger": 5}], [{"ledger": {}}], [], [{}]])
def test_a_certificate_of_another_shape_is_refused_whoever_signed_it(lots: Any) -> None:
    with pytest.raises(CertificateBroken):
        replay(Signer(b"theirs").signed({**STATEMENT, "lots": lots}), LINES)


BASES: dict[str, Callable[[Any], object]] = {
    "heads short": lambda basis: basis["heads"].pop(),
    "seed": lambda basis: basis["rules"]["lot"].update(seed="zz"),
    "order": lambda basis: basis["rules"]["lot"].update(order=[99]),
    "schema": lambda basis: basis["rules"].update(label_schema=5),
    "plan": lambda basis: basis["rules"]["lot"]["plan"].update(sample_size=-1),
    "attempts": lambda basis: basis["rules"].update(attempts_max=0),
    "time": lambda basis: basis["rules"].update(accepted_at_us=10**18),
    "repeats": lambda basis: basis["rules"]["pool"].update(repeats={"inspected": 1, "found": 5}),
}


@pytest.mark.parametrize("change", BASES.values(), ids=BASES)
def test_a_basis_that_cannot_be_is_told_in_a_sentence_whoever_signed_it(change: Callable[[Any], object]) -> None:
    basis = msgspec.json.decode(LINES[0])
    change(basis)
    text = msgspec.json.encode(basis)
    (lot,) = STATEMENT["lots"]
    claim = {**lot["ledger"], "basis_sha256": hashlib.sha256(text).hexdigest()}
    body = {**STATEMENT, "lots": [{**lot, "ledger": claim}]}
    with pytest.raises(LedgerBroken):
        replay(Signer(b"theirs").signed(body), [text, *LINES[1:]])


def test_what_is_no_text_is_no_manifest() -> None:
    assert not is_manifest(b'{"type":"\xb0"}')
