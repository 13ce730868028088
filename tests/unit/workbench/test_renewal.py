"""Sessions go on while their person works, and end when the issuer says so: at a provider that turns refresh tokens."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from concord.chassis.identity import ClaimMapping, Identity, IdentityFile, Role, Tokens
from concord.chassis.identity.api_keys import ApiKeys
from concord.chassis.identity.key_set_url import KeySetUrl
from concord.chassis.identity.tokens import KeySet
from tests.support.oidc import CLIENT, LIFETIME_SECONDS, SECRET, Provider, provider
from tests.support.workbench import Front, Watch, front
from workbench.issuer import IssuerDoor
from workbench.renewal import AHEAD_SECONDS
from workbench.sign_in import SESSION_SECONDS_MAX

LATE = LIFETIME_SECONDS - int(AHEAD_SECONDS)
"""When a page asks for another token: two minutes before the end."""
MAPPING = ClaimMapping(roles=("realm_access", "roles"), client_id=(), role_names={"labels-audit": Role.AUDITOR})


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def there() -> AsyncIterator[Provider]:
    async with provider() as entry:
        yield entry


@asynccontextmanager
async def replica(folder: Path, there: Provider, watch: Watch) -> AsyncIterator[Front]:
    """Run one process of a workbench, which shares nothing with another but its settings."""
    file = IdentityFile(issuer=there.address, audience=there.audience, jwks=there.key.jwks(), claims=MAPPING)
    keys = KeySetUrl(f"{there.address}/keys", watch)
    tokens = Tokens(there.address, there.audience, KeySet({}), watch, keys.fetch, MAPPING)
    changes = {
        "CONCORD_OIDC_ISSUER": there.address,
        "CONCORD_OIDC_CLIENT_ID": CLIENT,
        "CONCORD_OIDC_CLIENT_SECRET": SECRET,
        "CONCORD_WORKBENCH_URL": "http://127.0.0.1:18080",
    }
    identity = Identity(ApiKeys((), b"nobody's"), tokens, watch)
    async with front(folder, file=file, identity=identity, clock=watch, **changes) as entry:
        yield entry


@pytest.fixture
async def two(tmp_path: Path, there: Provider, watch: Watch) -> AsyncIterator[tuple[Front, Front]]:
    """Two replicas that one browser asks: it has one jar of cookies."""
    async with AsyncExitStack() as stack:
        entry, other = [await stack.enter_async_context(replica(tmp_path, there, watch)) for _ in "ab"]
        other.client._cookies = entry.client._cookies
        left = await entry.client.get("/sign-in/issuer")
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(left.headers["location"])
        await entry.client.get(answer.headers["location"].removeprefix("http://127.0.0.1:18080"))
        yield entry, other


async def told(entry: Front) -> dict[str, Any]:
    found: dict[str, Any] = (await entry.client.get("/session")).json()
    return found


async def renew(entry: Front, csrf: str = "") -> httpx.Response:
    return await entry.client.post("/session/renewal", headers={"x-concord-csrf": csrf or (await told(entry))["csrf"]})


async def forwarded(entry: Front) -> httpx.Response:
    return await entry.client.get("/api/audit/v1/inspections")


def renewals(there: Provider) -> list[str]:
    return [form["refresh_token"] for form in there.asked if form["grant_type"] == "refresh_token"]


async def test_a_page_is_told_in_seconds_when_to_ask_whatever_its_own_clock_says(two: tuple[Front, Front]) -> None:
    found = await told(two[0])
    assert LIFETIME_SECONDS - 10 <= found["ends_in_seconds"] <= LIFETIME_SECONDS
    assert found["ends_in_seconds"] - found["renew_in_seconds"] == AHEAD_SECONDS


async def test_a_session_goes_on_with_another_token_at_any_replica_and_is_the_same_session(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    before = await told(two[0])
    tokens = set()
    for turn in range(1, 4):
        watch.ahead_seconds = there.ahead_seconds = turn * LATE
        answer = await renew(two[turn % 2])
        assert (answer.status_code, answer.json()["subject"]) == (200, "auth0|7")
        assert answer.json()["ends_in_seconds"] > LATE
        tokens.add((await forwarded(two[(turn + 1) % 2])).json()["authorization"])
    assert len(tokens) == 3
    assert len(set(renewals(there))) == 3, "each refresh token was used once"
    # Other tabs go on with the word that they were told.
    assert (await told(two[1]))["csrf"] == before["csrf"]


async def test_a_token_that_has_just_come_is_not_asked_for_again(two: tuple[Front, Front], there: Provider) -> None:
    answer = await renew(two[0])
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert renewals(there) == []


async def test_two_tabs_at_one_replica_at_once_ask_the_issuer_once(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = LATE
    csrf = (await told(two[0]))["csrf"]
    answers = await asyncio.gather(*(renew(two[0], csrf) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(renewals(there)) == 1
    assert (await forwarded(two[0])).status_code == 200


async def test_who_never_heard_the_answer_hears_it_when_they_ask_again(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = LATE
    before = dict(two[0].client.cookies)
    await renew(two[0])
    two[0].client.cookies.clear()
    two[0].client.cookies.update(before)
    assert (await renew(two[0])).status_code == 200
    assert len(renewals(there)) == 1


async def test_two_replicas_at_once_leave_a_session_to_whom_the_issuer_lets_ask_twice(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    there.leeway_uses = 1
    watch.ahead_seconds = there.ahead_seconds = LATE
    csrf = (await told(two[0]))["csrf"]
    answers = await asyncio.gather(renew(two[0], csrf), renew(two[1], csrf))
    assert {answer.status_code for answer in answers} == {200}
    watch.ahead_seconds = there.ahead_seconds = 2 * LATE
    assert (await renew(two[1])).status_code == 200


async def test_two_replicas_at_once_at_an_issuer_that_takes_it_for_theft_end_no_session_before_its_token(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = LATE
    csrf = (await told(two[0]))["csrf"]
    answers = await asyncio.gather(renew(two[0], csrf), renew(two[1], csrf))
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    # Who was refused takes nothing away from who was not: the new token is there, and holds.
    (refused,) = [answer for answer in answers if answer.status_code == 403]
    assert "set-cookie" not in refused.headers
    assert (await told(two[0]))["ends_in_seconds"] > LATE
    assert (await forwarded(two[1])).status_code == 200
    # It is renewed no more, which is told, and not tried for ever.
    watch.ahead_seconds = there.ahead_seconds = 2 * LATE
    answer = await renew(two[0])
    assert (answer.status_code, answer.json()["detail"]) == (
        403, "The issuer does not renew this session; sign in again."
    )  # fmt: skip
    assert (await forwarded(two[0])).status_code == 200


class Gateway:
    """Sends a browser to the replica that its cookie says, as `affinity: cookie` does; with no cookie to each in turn.

    Attributes:
        gone: replicas that answer no more.
        asked: which replica was asked, in order.
    """

    POD = "concord-pod"

    def __init__(self, fronts: tuple[Front, Front]) -> None:
        self.fronts, self.gone, self.asked = fronts, set[int](), list[int]()
        self._turn = 0

    async def renew(self) -> httpx.Response:
        jar = self.fronts[0].client.cookies
        there = [pod for pod in range(len(self.fronts)) if pod not in self.gone]
        pod = int(jar.get(self.POD) or -1)
        if pod not in there:
            pod, self._turn = there[self._turn % len(there)], self._turn + 1
            jar.set(self.POD, str(pod))
        self.asked.append(pod)
        return await renew(self.fronts[pod])


async def test_behind_a_gateway_that_keeps_a_browser_with_a_pod_a_lost_answer_is_no_theft(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    gateway, jar = Gateway(two), two[0].client.cookies
    assert (await gateway.renew()).status_code == 200, "not due, and the browser has its pod"
    watch.ahead_seconds = there.ahead_seconds = LATE
    before = list(jar.jar)
    assert (await gateway.renew()).status_code == 200
    # The answer never arrived: the browser has what it had, as it had it.
    jar.clear()
    for cookie in before:
        jar.jar.set_cookie(cookie)
    assert (await gateway.renew()).status_code == 200
    assert (len(set(gateway.asked)), len(renewals(there))) == (1, 1)
    # The issuer has taken nobody for a thief: it goes on renewing.
    watch.ahead_seconds = there.ahead_seconds = 2 * LATE
    assert (await gateway.renew()).status_code == 200


async def test_a_browser_whose_pod_has_gone_goes_on_at_the_other(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    gateway = Gateway(two)
    for turn in (1, 2):
        watch.ahead_seconds = there.ahead_seconds = turn * LATE
        assert (await gateway.renew()).json()["ends_in_seconds"] > LATE
        gateway.gone = {gateway.asked[-1]}
    assert sorted(gateway.asked) == [0, 1]


async def test_a_refresh_token_that_stays_the_same_is_used_again(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    there.rotates = False
    for turn in range(1, 4):
        watch.ahead_seconds = there.ahead_seconds = turn * LATE
        assert (await renew(two[turn % 2])).json()["ends_in_seconds"] > LATE
    assert len(renewals(there)) == 3


async def test_who_comes_back_after_the_token_has_ended_goes_on(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = 2 * LIFETIME_SECONDS
    found = await told(two[0])
    assert "subject" not in found
    assert found["renew_in_seconds"] > 0
    assert (await forwarded(two[0])).status_code == 401
    assert (await renew(two[0])).json()["subject"] == "auth0|7"
    assert (await forwarded(two[0])).status_code == 200


async def test_a_withdrawn_person_goes_on_until_their_token_ends_and_no_further(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    there.withdrawn.add("auth0|7")
    watch.ahead_seconds = there.ahead_seconds = LATE
    assert (await renew(two[0])).status_code == 403
    assert (await told(two[0]))["subject"] == "auth0|7"
    watch.ahead_seconds = there.ahead_seconds = LIFETIME_SECONDS + 60
    assert (await forwarded(two[0])).status_code == 401
    assert (await renew(two[0])).status_code == 403


async def test_roles_that_were_taken_away_are_gone_with_the_next_token(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    there.roles = []
    watch.ahead_seconds = there.ahead_seconds = LATE
    assert (await renew(two[0])).json().get("roles", []) == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_issuer_that_is_away_is_asked_again_with_the_same(
    status: int, two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = LATE
    there.status = status
    answer = await renew(two[0])
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    there.status = 0
    assert (await renew(two[0])).status_code == 200


async def test_what_nobody_foresaw_is_not_kept_either(
    two: tuple[Front, Front], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    watch.ahead_seconds = LATE
    with monkeypatch.context() as broken:
        broken.setattr(IssuerDoor, "renew", breaks)
        with contextlib.suppress(ZeroDivisionError):
            assert (await renew(two[0])).status_code == 500
    assert (await renew(two[0])).status_code == 200


@pytest.mark.parametrize("ahead_seconds", [-25, 25])
async def test_clocks_that_differ_by_less_than_half_a_minute_end_nothing(
    ahead_seconds: int, two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = LATE
    there.ahead_seconds = LATE + ahead_seconds
    assert (await renew(two[0])).status_code == 200
    assert (await forwarded(two[1])).status_code == 200


@pytest.mark.parametrize("ahead_seconds", [-2 * LIFETIME_SECONDS, 2 * LIFETIME_SECONDS])
async def test_a_token_of_a_clock_that_is_far_off_is_told_and_leaves_the_present_one(
    ahead_seconds: int, two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = LATE
    there.ahead_seconds = LATE + ahead_seconds
    answer = await renew(two[0])
    assert (answer.status_code, "not believed here" in answer.json()["detail"]) == (403, True)
    assert (await forwarded(two[0])).status_code == 200


@pytest.mark.parametrize("which", ["id_twist", "access_twist"])
async def test_a_token_of_another_person_goes_on_with_nothing(
    which: str, two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    setattr(there, which, lambda claims: claims | {"sub": "somebody else"})
    watch.ahead_seconds = there.ahead_seconds = LATE
    assert (await renew(two[0])).status_code == 403
    assert (await told(two[0]))["subject"] == "auth0|7"


async def test_a_session_ends_after_a_working_day_however_often_it_is_renewed(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = SESSION_SECONDS_MAX - LATE
    assert (await renew(two[0])).status_code == 200
    watch.ahead_seconds = there.ahead_seconds = SESSION_SECONDS_MAX + 1
    assert (await renew(two[0])).status_code == 403
    assert "renew_in_seconds" not in await told(two[0])


async def test_without_a_refresh_token_a_session_ends_with_its_token_and_the_page_knows(
    tmp_path: Path, there: Provider, watch: Watch
) -> None:
    there.renews = False
    async with replica(tmp_path, there, watch) as entry:
        left = await entry.client.get("/sign-in/issuer")
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(left.headers["location"])
        await entry.client.get(answer.headers["location"].removeprefix("http://127.0.0.1:18080"))
        found = await told(entry)
        assert found["ends_in_seconds"] > 0
        assert "renew_in_seconds" not in found
        watch.ahead_seconds = LATE
        assert (await renew(entry)).status_code == 403


async def test_who_signs_out_has_the_issuer_forget_them_and_a_copied_cookie_is_renewed_no_more(
    two: tuple[Front, Front], there: Provider, watch: Watch
) -> None:
    watch.ahead_seconds = there.ahead_seconds = LATE
    stolen = dict(two[0].client.cookies)
    csrf = (await told(two[0]))["csrf"]
    await two[0].client.post("/sign-out", headers={"x-concord-csrf": csrf})
    assert len(there.revoked) == 1
    two[1].client.cookies.update(stolen)
    assert (await renew(two[1], csrf)).status_code == 403


async def test_another_site_renews_nothing(two: tuple[Front, Front], there: Provider, watch: Watch) -> None:
    watch.ahead_seconds = there.ahead_seconds = LATE
    for headers in ({}, {"x-concord-csrf": "sign-in"}, {"origin": "https://evil.example"}):
        assert (await two[0].client.post("/session/renewal", headers=headers)).status_code == 403
    assert renewals(there) == []


async def test_a_button_of_the_local_stack_is_renewed_the_same_way(tmp_path: Path) -> None:
    watch = Watch()
    async with front(tmp_path, clock=watch) as bench:
        csrf = await bench.signed_in("client", "Zoë K.")
        before = (await forwarded(bench)).json()["authorization"].removeprefix("Bearer ")
        watch.ahead_seconds = bench.settings.local.token_seconds - int(AHEAD_SECONDS)
        answer = await bench.client.post("/session/renewal", headers=csrf)
        assert (answer.json()["subject"], answer.json()["roles"], answer.json()["client_id"]) == (
            "Zoë K.", ["client"], "local"
        )  # fmt: skip
        after = (await forwarded(bench)).json()["authorization"].removeprefix("Bearer ")
    ends = [jwt.decode(token, options={"verify_signature": False})["exp"] for token in (before, after)]
    assert ends[1] > ends[0]


async def test_what_a_page_sends_after_its_session_has_ended_is_told_so_and_not_that_it_is_wrong(
    tmp_path: Path,
) -> None:
    async with front(tmp_path) as bench:
        told_word = await bench.signed_in("annotator")
        bench.client.cookies.clear()  # as the browser does when they have come to their end
        answer = await bench.client.post("/api/assign/v1/submissions", json={}, headers=told_word)
    # A page keeps what it is told 401 for, and gives up what it is told 403 for.
    assert answer.status_code == 401
