"""A project of ten units on the way to its certificate: what is defined, and what people say of what they read."""

import time
from collections.abc import Callable
from typing import Any

from tests.support.patience import PATIENCE_SECONDS

PEOPLE = ("ann-1", "ann-2", "ann-3")
UNITS = 10
PAUSE_SECONDS = 0.1
LABELS = {"ann-1": UNITS, "ann-2": UNITS, "ann-3": 1}
"""How many labels each is to give: the third is asked about message 4 alone."""
DEFINITION: dict[str, Any] = {
    "name": "Spam or not",
    "label_schema": {"kind": "choice", "classes": ["ham", "spam"]},
    "guideline": "Spam is what nobody asked for.",
    "policy": {
        "overlap": {"initial": 2, "max": 3},
        "consensus": {"method": "majority", "confidence": 0.9},
        "gold": {"rate": 0.0},
        "audit": {"plan": "fraction", "fraction": 0.5},
    },
}


def until(ask: Callable[[], Any]) -> Any:
    """Return what `ask` returns once it is true: what follows in another service follows a moment later."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := ask()):
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(PAUSE_SECONDS)
    return found


def content(number: int) -> str:
    """Return what a unit says."""
    return f"message {number}: {'win a prize' if number % 3 == 0 else 'see you at ten'}"


def csv() -> str:
    """Return the units as a client has them."""
    return "id,message\n" + "".join(f'm{number},"{content(number)}"\n' for number in range(UNITS))


def label(text: str, person: str = "") -> str:
    """Return what a person says of a text; of message 4 ann-2 alone says spam, and so nobody is sure enough."""
    if person == "ann-2" and text.startswith("message 4:"):
        return "spam"
    return "spam" if "prize" in text else "ham"


def annotated(claim: Callable[[str], Any], give: Callable[[str, Any, str], None]) -> None:
    """Let each person give as many labels as there is work for.

    Args:
        claim: returns what a person holds, with its content; waits for it a while.
        give: gives a person's label to one of these.
    """
    for person, wanted in LABELS.items():
        given = 0
        while given < wanted:
            held = claim(person)
            assert held, f"{person} has given {given} of {wanted} labels, and is given nothing more"
            for entry in held:
                give(person, entry, label(entry["content"], person))
            given += len(held)
        assert given == wanted
