"""Owners are learnt from answers within trusted networks alone, and forgotten when they end or grow old."""

import pytest

from concord.contracts.ids import placed_id, slot_of_project
from concord.contracts.owners import KNOWN_SECONDS, Owners, networks, slot_of_target

PROJECT = "k7q2-rte"
SLOT = slot_of_project(PROJECT)
HERE = "http://10.42.0.7:8000"
TRUSTED = networks(["10.42.0.0/16", "fd00::/8"])


class Now:
    """Seconds, as a test would have them."""

    seconds = 5.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (f"/v1/projects/{PROJECT}", ""),
        (f"/v1/projects/{PROJECT}/claims", "limit=1"),
        (f"/v1/projects/{PROJECT.replace('-', '%2D')}/claims", ""),
        (f"/v1/units/{placed_id('u', PROJECT, 'a' * 26)}/payload", ""),
        (f"/v1/lots/{placed_id('l', PROJECT, 'a' * 26)}", ""),
        (f"/v1/assignments/{placed_id('a', PROJECT, 'a' * 26)}/submission", ""),
        (f"/v1/escalations/{placed_id('u', PROJECT, 'a' * 26)}/ruling", ""),
        ("/v1/escalations", f"limit=20&project_id={PROJECT}"),
    ],
)
def test_a_request_tells_the_slot_of_its_project(path: str, query: str) -> None:
    assert slot_of_target(path, query) == SLOT


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/submissions", ""),
        ("/v1/annotators/k7q2-ug675pg", ""),
        ("/v1/units", "limit=3"),
        ("/v1/escalations", "&".join(["project_id=x"] * 30)),
        ("/live", ""),
    ],
)
def test_of_any_other_request_none_is_told(path: str, query: str) -> None:
    assert slot_of_target(path, query) is None


def test_an_owner_is_known_for_its_service_and_slot_until_it_is_forgotten_or_grows_old() -> None:
    now = Now()
    owners = Owners(TRUSTED, now)
    owners.learn("assign", SLOT, HERE)
    assert owners.address("assign", SLOT) == HERE
    assert owners.address("audit", SLOT) is None
    assert owners.address("assign", SLOT + 1) is None
    assert owners.address("assign", None) is None
    owners.learn("assign", SLOT, None)  # an answer that names nobody takes nothing back
    assert owners.address("assign", SLOT) == HERE
    now.seconds += KNOWN_SECONDS
    assert owners.address("assign", SLOT) is None
    owners.learn("assign", SLOT, HERE)
    owners.learn("assign", SLOT, "http://[fd00::7]:8000")
    assert owners.address("assign", SLOT) == "http://[fd00::7]:8000"
    owners.forget("assign", SLOT)
    assert owners.address("assign", SLOT) is None


@pytest.mark.parametrize(
    "named",
    [
        "http://10.43.0.7:8000",
        "http://127.0.0.1:8000",
        "https://10.42.0.7:8000",
        "http://10.42.0.7",
        "http://10.42.0.7:8000/path",
        "http://10.42.0.7:8000@evil.example:80",
        "http://user@10.42.0.7:8000",
        "http://10.42.0.7.evil.example:8000",
        "http://evil.example:8000",
        "http://10.42.0.999:8000",
        "http://10.42.0.7:0",
        "http://10.42.0.7:65536",
        "http://10.42.0.7:99999",
        "http://[fd00::7]:99999",
        "http://10.42.0.7:8000\r\nx: y",
        "http://10.42.0.7:8000 ",
        "http://[::ffff:10.42.0.7]:8000",
        "",
    ],
)
def test_no_credential_goes_to_what_is_no_address_within_the_networks(named: str) -> None:
    owners = Owners(TRUSTED, Now())
    owners.learn("assign", SLOT, named)
    assert owners.address("assign", SLOT) is None


def test_whoever_trusts_no_network_learns_nothing() -> None:
    owners = Owners((), Now())
    owners.learn("assign", SLOT, HERE)
    assert owners.address("assign", SLOT) is None
