"""A workbench in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.workbench import Front, front


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Front]:
    async with front(tmp_path) as entry:
        yield entry
