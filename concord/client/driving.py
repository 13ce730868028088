"""Carries operations out: refusals become errors, and who is away is asked again; both clients share it."""

import email.utils
import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from concord.client.errors import Away, Problem, problem_of
from concord.client.steps import Answer, Flow, NoAnswer, Send, Sleep

T = TypeVar("T")
AWAY = frozenset({429, 502, 503, 504})
FIRST_BAD = 400
RETRY_AFTER_SECONDS_MAX = 300.0
ANSWER_BYTES_MAX = 64_000_000
"""Of an answer that is kept in memory; what may be larger goes into a file."""
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often an absent service is asked again.

    Attributes:
        seconds: after which it is given up.
        pause_seconds_first, pause_seconds_max: between one try and the next: doubled each time, up to the greatest, and
            drawn from half of that to the whole, so that many callers do not come back at once.
        monotonic: tells seconds that pass.
        generator: draws.
    """

    seconds: float = 60.0
    pause_seconds_first: float = 0.1
    pause_seconds_max: float = 5.0
    monotonic: Callable[[], float] = time.monotonic
    generator: random.Random = field(default_factory=random.Random)

    def pause(self, tries: int) -> float:
        """Return how long to wait after so many tries."""
        whole = min(self.pause_seconds_max, self.pause_seconds_first * 2.0 ** min(tries - 1, 20))
        return whole * self.generator.uniform(0.5, 1.0)


def patiently(flow: Flow[T], patience: Patience) -> Flow[T]:
    """Return the flow with its requests repeated while the service is away, and refusals raised inside it."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Send):
                try:
                    answer = yield from _asked(step, patience)
                except Problem as problem:
                    step = flow.throw(problem)
                else:
                    step = flow.send(answer)
            else:
                step = flow.send((yield step))
    except StopIteration as end:
        result: T = end.value
        return result


def _asked(wish: Send, patience: Patience) -> Flow[Answer]:
    began = patience.monotonic()
    give_up_at, tries = began + patience.seconds, 0
    while True:
        tries += 1
        answer = yield wish
        if isinstance(answer, Answer):
            if answer.status < FIRST_BAD:
                return answer
            problem = problem_of(answer.status, answer.body)
            if answer.status not in AWAY:
                raise problem
            reason, pause = str(problem), retry_after(answer)
        else:
            assert isinstance(answer, NoAnswer), "a request has an answer or none"
            reason, pause = answer.reason, None
        now = patience.monotonic()
        if pause is not None and now < began + wish.making_seconds_max:
            # It is there, and says when to come again.
            give_up_at = now + pause + patience.seconds
        wait = patience.pause(tries) if pause is None else pause
        if now + wait > give_up_at:
            where = f"{wish.service} {wish.method} {wish.path}"
            detail = f"{where} was not served in {now - began:.3g} s; the last word: {reason}"
            raise Away(detail, status=answer.status if isinstance(answer, Answer) else 0)
        yield Sleep(wait)


def retry_after(answer: Answer) -> float | None:
    """Return how many seconds an answer's Retry-After asks to wait; None where it says nothing that can be read."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_SECONDS_MAX)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), RETRY_AFTER_SECONDS_MAX)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex; an empty text where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
