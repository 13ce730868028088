"""Without effect: what a policy says that nothing follows from, for what else it says keeps it from being read.

Only what differs from its default is told: whoever said it expects something of it. Each field is told until the other
one that it hangs on is what it takes.
"""

from collections.abc import Callable

from services.ingest.domain.project import Policy

Reads = Callable[[Policy], bool]
"""Whether a policy is such that the field is read."""


def _asks_for_breaks(policy: Policy) -> bool:
    return policy.fatigue.breaks


def _has_plan(*kinds: str) -> Reads:
    return lambda policy: policy.audit.plan in kinds


def _qualifies(policy: Policy) -> bool:
    return policy.gold.qualify != "no"


def _replaces(policy: Policy) -> bool:
    return bool(policy.privacy.treatments)


HANGS_ON: dict[str, Reads] = {
    "policy.gold.qualify_units_max": _qualifies,
    "policy.gold.attempts_max": lambda policy: policy.gold.retrain_units > 0,
    "policy.gold.candidate_confidence_min": lambda policy: policy.gold.candidate_labels_min > 0,
    "policy.privacy.regions": _replaces,
    # What the role `privacy` may not ask (none) it may not, whatever is replaced.
    "policy.privacy.reidentification": lambda policy: policy.privacy.reidentification != "sealed" or _replaces(policy),
    "policy.audit.fraction": _has_plan("fraction"),
    "policy.audit.level": _has_plan("iso_2859_1"),
    "policy.audit.reduction": _has_plan("iso_2859_1"),
    "policy.audit.rejections_max": lambda policy: policy.audit.on_reject == "relabel",
    "policy.audit.recheck_pause_hours": lambda policy: policy.audit.recheck_units > 0,
    "policy.fatigue.false_alarm_units": _asks_for_breaks,
    "policy.fatigue.break_seconds": _asks_for_breaks,
    "policy.fatigue.session_minutes_max": _asks_for_breaks,
    "policy.pace.floor_of": lambda policy: policy.pace.floor_share > 0,
    "policy.pace.hasty": lambda policy: policy.pace.asked,
    "policy.pace.last": lambda policy: policy.pace.asked,
    "policy.pace.then": lambda policy: policy.pace.asked,
    "policy.pace.break_seconds": lambda policy: policy.pace.asked and policy.pace.then == "break",
    "policy.skips.last": lambda policy: policy.skips.share > 0,
    "policy.skips.then": lambda policy: policy.skips.asked,
    "policy.skips.break_seconds": lambda policy: policy.skips.asked and policy.skips.then == "break",
}
"""By field: when it is read. All others always are."""
_DEFAULT = Policy()


def without_effect(policy: Policy) -> tuple[str, ...]:
    """Return the fields that a policy sets and that nothing follows from, in the order of the policy.

    >>> from services.ingest.domain.project import Audit
    >>> without_effect(Policy(audit=Audit(plan="single", fraction=0.2)))
    ('policy.audit.fraction',)
    >>> without_effect(Policy(audit=Audit(plan="fraction", fraction=0.2)))
    ()
    """
    return tuple(
        path for path, reads in HANGS_ON.items() if _at(policy, path) != _at(_DEFAULT, path) and not reads(policy)
    )


def _at(policy: Policy, path: str) -> object:
    value: object = policy
    for name in path.split(".")[1:]:
        value = getattr(value, name)
    return value
