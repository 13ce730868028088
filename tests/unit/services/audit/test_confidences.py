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
    (told,) = await audit.events("lot_accepted")
    (one,) = told.confidences
    assert (one.bin, one.units, one.right) == (BIN, told.inspected, told.inspected)
    assert one.stated == pytest.approx(STATED * told.inspected)


async def test_a_rejected_lot_tells_it_and_what_a_person_ruled_stated_nothing(audit: Audit) -> None:
    await audit.resolve(UNITS)
    await audit.inspect({}, default="no")
    told = (await audit.events("lot_rejected"))[0]
    assert [(one.units, one.right) for one in told.confidences] == [(told.inspected, 0)]


async def test_a_lot_inspected_whole_tells_it_of_all_its_units() -> None:
    found = await sealed(INSPECT_ALL)
    await found.resolve(UNITS)
    await found.inspect({}, default="no")
    (told,) = await found.events("lot_accepted")
    assert [(one.units, one.right) for one in told.confidences] == [(len(UNITS), 0)]
    await found.stop()
