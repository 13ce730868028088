"""Every verdict on a lot tells how sure the inspected labels were said to be, and how many of them are right."""

from collections.abc import AsyncIterator

import pytest

from tests.support.audit import INSPECT_ALL, RELABEL, UNITS, Audit, sealed

STATED = 0.97
BIN = 6
"""Where .97 lies among the bins of concord.quality.calibration."""


@pytest.fixture
async def audit(lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(RELABEL)
    yield found
    await found.stop()


async def test_an_accepted_lot_tells_it_of_what_was_inspected(audit: Audit) -> None:
    await audit.resolve(UNITS)
    await audit.inspect({}, default="yes")
    (entry,) = await audit.events("lot_accepted")
    (item,) = entry.confidences
    assert (item.bin, item.units, item.right) == (BIN, entry.inspected, entry.inspected)
    assert item.stated == pytest.approx(STATED * entry.inspected)


async def test_a_rejected_lot_tells_it_and_what_a_person_ruled_stated_nothing(audit: Audit) -> None:
    await audit.resolve(UNITS)
    await audit.inspect({}, default="no")
    body = (await audit.events("lot_rejected"))[0]
    assert [(confidence.units, confidence.right) for confidence in body.confidences] == [(body.inspected, 0)]


async def test_a_lot_inspected_whole_tells_it_of_all_its_units() -> None:
    found = await sealed(INSPECT_ALL)
    await found.resolve(UNITS)
    await found.inspect({}, default="no")
    (entry,) = await found.events("lot_accepted")
    assert [(confidence.units, confidence.right) for confidence in entry.confidences] == [(len(UNITS), 0)]
    await found.stop()
