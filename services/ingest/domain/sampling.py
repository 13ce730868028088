"""Sampling: which units are kept, decided by a hash of the unit's id, so that it can be repeated.

Hashes of one unit under two purposes are as good as independent draws.
"""

import hashlib

from services.ingest.domain.identity import UnitState
from services.ingest.domain.project import Policy, Sampling

SCALE = 2**64
PRIORITY_SPAN = 1_000


def kept(unit_id: str, rate: float, seed: str = "") -> bool:
    """Return whether a unit is in a sample of this rate; the same unit is in or out for ever.

    A higher rate keeps all that a lower one keeps; another seed keeps others.

    >>> kept("k7q2-u1", 1.0), kept("k7q2-u1", 0.0)
    (True, False)
    """
    if rate >= 1.0:
        return True
    place = int.from_bytes(hashlib.sha256(f"{seed}{unit_id}".encode()).digest()[:8], "big")
    return place < rate * SCALE


def wanted(unit: UnitState, sampling: Sampling) -> bool:
    """Return whether a unit is drawn, before any quota; gold always is.

    >>> unit = UnitState("k7q2-u1", "k7q2-p", "row 1", uncertainty=0.2)
    >>> wanted(unit, Sampling(uncertainty_min=0.1)), wanted(unit, Sampling(uncertainty_min=0.3))
    (True, False)
    """
    if unit.gold:
        return True
    if unit.uncertainty is not None and unit.uncertainty < sampling.uncertainty_min:
        return False
    return kept(unit.unit_id, sampling.rate, sampling.seed)


def takes_all(sampling: Sampling) -> bool:
    """Return whether nothing is ever left out, so that no unit need be looked at.

    >>> takes_all(Sampling()), takes_all(Sampling(rate=0.5)), takes_all(Sampling(quotas={"law": 3}))
    (True, False, False)
    """
    return sampling.rate >= 1.0 and sampling.uncertainty_min <= 0.0 and not sampling.quotas


def quota_of(unit: UnitState, sampling: Sampling) -> int | None:
    """Return how many of the unit's stratum are taken; None: as many as there are.

    >>> quota_of(UnitState("k7q2-u1", "k7q2-p", "row 1", stratum="law"), Sampling(quotas={"law": 3}))
    3
    """
    return None if unit.gold or not sampling.quotas else sampling.quotas.get(unit.stratum)


def priority_of(priority: int, uncertainty: float | None, policy: Policy) -> int:
    """Return a unit's priority: its own, that of its model's uncertainty, or its project's.

    >>> priority_of(0, 0.5, Policy(sampling=Sampling(uncertain_first=True))), priority_of(7, 0.5, Policy(priority=3))
    (500, 7)
    """
    if priority:
        return priority
    if policy.sampling.uncertain_first and uncertainty is not None:
        return round(PRIORITY_SPAN * uncertainty)
    return policy.priority


def hidden(unit_id: str, policy: Policy) -> bool:
    """Return whether the unit's suggestion is kept from annotators: drawn apart from the sample."""
    return kept(unit_id, policy.suggestions.hidden_rate, f"suggestion/{policy.sampling.seed}/")
