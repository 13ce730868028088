"""What can go wrong, as types: each is a sentence with its cure, and tells what a program may want to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that was wrong: which, what is wrong with it, and what to send instead."""

    field: str
    problem: str
    cure: str


class Problem(Exception):
    """A service's refusal, as its problem+json (RFC 9457) tells it.

    Attributes:
        status: of the answer; 0 where none came.
        title: what kind of problem it is.
        detail: what happened, as a sentence.
        faults: which fields were wrong, with the cure of each.
        instance: the path, or the id to quote when a fault of the service's is reported.
    """

    def __init__(
        self, detail: str, *, status: int = 0, title: str = "", faults: tuple[Fault, ...] = (), instance: str = ""
    ) -> None:
        cures = dict.fromkeys(f"; {fault.field}: {fault.cure}" for fault in faults)
        super().__init__(f"{detail.rstrip('.')}{''.join(cures)}.")
        self.status, self.title, self.detail = status, title, detail
        self.faults, self.instance = faults, instance


class NotSignedIn(Problem):
    """401: there is no credential, or it is not believed."""


class NotAllowed(Problem):
    """403: the credential has another role than this takes."""


class NotFound(Problem):
    """404: there is no such thing, or it is another client's, which looks the same."""


class Conflict(Problem):
    """409: it stands otherwise by now."""


class Gone(Problem):
    """410: it was there and is no more: a lease that ended, a unit that was withdrawn."""


class Refused(Problem):
    """Any other 4xx: what was sent cannot be taken; `faults` say why."""


class Failed(Problem):
    """A fault of the service's own; `instance` is what its log knows it by."""


class Away(Problem):
    """Nothing answered, or only that it could not serve now, for as long as the client's patience lasts."""


class Damaged(Problem):
    """What came is not what was promised of it."""


class NotYet(Problem):
    """What was waited for had not come when the time was up."""


_KINDS: dict[int, type[Problem]] = {401: NotSignedIn, 403: NotAllowed, 404: NotFound, 409: Conflict, 410: Gone}


def problem_of(status: int, body: bytes) -> Problem:
    """Return the error that an answer of 400 or more is.

    >>> problem_of(404, b'{"detail": "There is no such lot."}')
    NotFound('There is no such lot.')
    """
    answer = _told(body)
    faults = tuple(
        Fault(*(str(error.get(name, "")) for name in ("field", "problem", "cure")))
        for error in answer.get("errors") or ()
        if isinstance(error, dict)
    )
    kind = _KINDS.get(status, Refused if status < 500 else Failed)
    detail = str(answer.get("detail") or f"The service answered {status} without a word")
    document = {name: str(answer.get(name) or "") for name in ("title", "instance")}
    return kind(detail, status=status, title=document["title"], faults=faults, instance=document["instance"])


def _told(body: bytes) -> Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # What stands between us and the service answers in HTML.
        return {}
    return answer if isinstance(answer, dict) else {}
