"""The demo's choices: a policy for cheap crowd work, and which units go in as hidden gold."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from services.adjudicate.domain import class_shares

GOLD_SHARE = 0.10
SEED = 1
OVERLAP_INITIAL, OVERLAP_MAX = 2, 10
WRONG_AT_MOST = 0.1
LOT_UNITS = 60
ACCEPTABLE, REJECTABLE = 0.05, 0.15
LEASE_SECONDS = 120
SLUG_CHARACTERS_MAX = 30


def definition(classes: Sequence[str], prices: Sequence[float] = ()) -> dict[str, Any]:
    """Return the project's definition; classes are what may be said of an item.

    With prices (of a label, of a ruling, of an error left) these say when a unit is settled, and not how much may be
    wrong.

    An item with fewer people than OVERLAP_MAX is given up at its own number: its unit names them, and nobody else may
    be asked.
    """
    return {
        "name": "demo",
        "label_schema": {"kind": "choice", "classes": list(classes)},
        "guideline": "Choose the label that fits what you are shown.",
        "policy": {
            "overlap": {"initial": OVERLAP_INITIAL, "max": OVERLAP_MAX},
            # Gold is drawn at random, so it alone says how frequent the classes are.
            "consensus": {"method": "posterior", "learn": "competence", **_settled(prices)},
            # What is known is the yardstick of the whole job, and nobody is there to rule on it.
            "gold": {"rate": GOLD_SHARE, "doubts": False},
            "lot": {"size": LOT_UNITS, "seal_after_seconds": 86_400},
            "lease": {"seconds": LEASE_SECONDS},
            "audit": {"plan": "sequential", "aql": ACCEPTABLE, "ltpd": REJECTABLE, "on_reject": "inspect_all"},
        },
        "targets": {"alpha": 0.2, "label_error_rate": ACCEPTABLE},
    }


def _settled(prices: Sequence[float]) -> dict[str, Any]:
    if not prices:
        return {"wrong_at_most": WRONG_AT_MOST}
    return {"prices": dict(zip(("label", "decision", "error"), prices, strict=True))}


def gold_items(items: Sequence[str], seed: int) -> list[str]:
    """Return a tenth of the items, drawn by a hash of the seed and the item's id, in the items' order."""

    def place(item: str) -> str:
        return hashlib.sha256(f"{seed}/{item}".encode()).hexdigest()

    drawn = set(sorted(items, key=place)[: round(GOLD_SHARE * len(items))])
    return [item for item in items if item in drawn]


def in_turns(items: Sequence[str]) -> Iterator[list[str]]:
    """Yield the items in the turns in which they go in, each as many as adjudicate learns from at once.

    What is learnt from resolved units hangs on the order in which they are resolved. Where each turn waits for the one
    before it does not, and a run can be repeated.
    """
    for start in range(0, len(items), class_shares.TALLY_UNITS):
        yield list(items[start : start + class_shares.TALLY_UNITS])


def slug_of(name: str) -> str:
    """Return a project's slug made of a folder's name, whatever characters that has.

    >>> slug_of("Export (v2) final"), slug_of("données"), slug_of("crowd_export__v2"), slug_of("測試")
    ('export-v2-final', 'donnees', 'crowd-export-v2', 'demo')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:SLUG_CHARACTERS_MAX].strip("-") or "demo"
