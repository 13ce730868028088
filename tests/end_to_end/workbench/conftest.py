"""One stack with the workbench and one browser for all tests of the pages."""

import os
import random
import shutil
from collections.abc import Iterator

import pytest

from deploy.local import chromium, places, terminal
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.support.pages import Pages, opened

UP = "CONCORD_TEST_PAGES_ON_UP"
"""Set while one works on a page: the tests use the stack of `make up` and leave it running."""


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    try:
        chromium.ensure()
    except terminal.StepFailed as fault:
        pytest.skip(f"the pages were not tried in a browser: {fault}")
    if os.environ.get(UP):
        stack = Stack(places.STACK, Ports.from_environment(os.environ), workbench=True)
        stack.start()
        stack.detach()
        yield stack
        return
    folder = places.LOCAL / f"pages-{random.SystemRandom().randrange(10**9)}"
    with Stack(folder, Ports.free(), workbench=True) as stack:
        yield stack
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser(stack: Stack) -> Iterator[Pages]:
    with opened(stack) as pages:
        yield pages


@pytest.fixture
def pages(browser: Pages) -> Iterator[Pages]:
    """The pages; what went wrong in a browser without being asked for fails the test."""
    yield browser
    browser.close()


@pytest.fixture
def slug() -> str:
    """A name that no project has yet."""
    return f"t{random.SystemRandom().randrange(10**9)}"
