"""Appeals against what is held against somebody: they answer once, and somebody else rules on it with a reason."""

import msgspec

from services.assign.domain.refusals import AppealedAlready, NoAppeal, NothingHeld, OwnConduct
from services.assign.domain.rules import ANSWERS_MAX, Appeal, Change, ConductState, Held, Rule, Rules, in_force

DECLINED = "declined"


def appealed(state: ConductState | None, rule: Rule, rules: Rules, reason: str, now_us: int) -> ConductState | None:
    """Return the page once somebody says why a rule should not hold against them; None where they said so before.

    Raises:
        NothingHeld: the rule holds not against them.
        AppealedAlready: they have said something else to it, or it was ruled on.
    """
    held = next((found for found in in_force(state, rules, now_us) if found.rule == rule), None)
    if state is None or held is None:
        cure = "leave it: there is nothing to appeal now"
        raise NothingHeld("The rule does not hold against you in this project.", field="rule", cure=cure)
    if held.appeal is not None:
        if held.appeal.reason == reason:
            return None
        raise AppealedAlready("You have appealed this before; it is said once.")
    return _put(state, msgspec.structs.replace(held, appeal=Appeal(reason, now_us)))


def ruled(
    state: ConductState | None, rule: Rule, outcome: str, reason: str, by: str, now_us: int
) -> tuple[ConductState, Held, list[Change]] | None:
    """Return the page, the rule with its appeal, and what is over once a lead has ruled; None where that was said.

    Upheld, nothing by this rule is held against them, and nothing that they did before counts. Declined, it stands.

    Raises:
        NoAppeal: there is none that waits.
        OwnConduct: it is about whoever rules.
    """
    held = None if state is None else state.against(rule)
    if state is not None and by == state.annotator_id:
        raise OwnConduct("Nobody rules on their own conduct.")
    if state is None or held is None or held.appeal is None or held.appeal.outcome:
        if state is not None and _said_before(state, rule, outcome, reason, by):
            return None
        raise NoAppeal("No appeal of theirs against this rule waits for a word.")
    word = msgspec.structs.replace(held.appeal, outcome=outcome, ruling=reason, ruled_by=by, ruled_at_us=now_us)
    answered = msgspec.structs.replace(held, appeal=word)
    answers = (*state.answers, answered)[-ANSWERS_MAX:]
    if outcome == DECLINED:
        return msgspec.structs.replace(_put(state, answered), answers=answers), answered, []
    others = tuple(other for other in state.held if other.rule != rule)
    after = msgspec.structs.replace(state, held=others, deeds=(), answers=answers, records=state.records + 1)
    return after, answered, [Change(answered, begins=False, released_by=by)]


def waiting_since(state: ConductState) -> int | None:
    """Return since when the oldest appeal of somebody waits for a word; None: none does."""
    open_appeals = [held.appeal.at_us for held in state.held if held.appeal is not None and not held.appeal.outcome]
    return min(open_appeals, default=None)


def _said_before(state: ConductState, rule: Rule, outcome: str, reason: str, by: str) -> bool:
    last = next((held.appeal for held in reversed(state.answers) if held.rule == rule), None)
    return last is not None and (last.outcome, last.ruling, last.ruled_by) == (outcome, reason, by)


def _put(state: ConductState, held: Held) -> ConductState:
    found = tuple(held if other.rule == held.rule else other for other in state.held)
    return msgspec.structs.replace(state, held=found, records=state.records + 1)
