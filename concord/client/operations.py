"""Every operation as a method, of the client that blocks and of the one that is awaited: one list of names."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from concord.client import agreement as parts
from concord.client import alerts as broken
from concord.client import (
    beside,
    exports,
    feedback,
    gold,
    inferring,
    leading,
    letters,
    own,
    people,
    privacy,
    projects,
    results,
    units,
    worked,
)
from concord.client import conduct as pace
from concord.client import objects as drawn
from concord.client import revising as given
from concord.client import roster as people_known
from concord.client import schemas as versions
from concord.client import webhooks as hooks
from concord.client.steps import Flow

P = ParamSpec("P")
T = TypeVar("T")


def called(flow: Callable[P, Flow[T]]) -> Callable[Concatenate["Operations", P], T]:
    """Return the operation as a method that blocks."""

    @wraps(flow)
    def method(self: "Operations", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(flow(*args, **kwargs))

    return method


def awaited(flow: Callable[P, Flow[T]]) -> Callable[Concatenate["AwaitedOperations", P], Coroutine[Any, Any, T]]:
    """Return the operation as a method that is awaited."""

    @wraps(flow)
    async def method(self: "AwaitedOperations", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(flow(*args, **kwargs))

    return method


class Operations:
    """What can be asked of the services, blocking."""

    @abstractmethod
    def run(self, flow: Flow[T]) -> T:
        """Carry an operation out."""

    define_project = called(projects.define_project)
    project = called(projects.project)
    pause_project = called(projects.pause_project)
    resume_project = called(projects.resume_project)
    close_project = called(projects.close_project)
    changes = called(projects.changes)
    schemas = called(versions.schemas)
    schema = called(versions.schema)
    define_annotator = called(projects.define_annotator)
    annotator = called(projects.annotator)
    stranded = called(projects.stranded)
    conduct = called(pace.conduct)
    release = called(pace.release)
    own_conduct = called(pace.own_conduct)
    appeal_conduct = called(pace.appeal_conduct)
    rule_conduct = called(pace.rule_conduct)
    own_labels = called(given.own_labels)
    own_label = called(given.own_label)
    revise = called(given.revise)
    questions = called(leading.questions)
    answer_question = called(leading.answer_question)
    closing_bars = called(leading.closing_bars)
    close_escalations = called(leading.close_escalations)
    ruling_agreement = called(leading.ruling_agreement)
    admit = called(units.admit)
    send = called(units.send)
    import_units = called(units.import_units)
    import_file = called(units.import_file)
    import_state = called(units.import_state)
    send_file = called(units.send_file)
    find = called(units.find)
    erase = called(units.erase)
    seal = called(units.seal)
    compare_values = called(privacy.compare_values)
    original_values = called(privacy.original_values)
    quality = called(results.quality)
    report = called(results.report)
    annotators = called(results.annotators)
    time_worked = called(worked.time_worked)
    spending = called(results.spending)
    resolutions = called(results.resolutions)
    lots = called(results.lots)
    lot = called(results.lot)
    rechecks = called(results.rechecks)
    raise_recheck = called(results.raise_recheck)
    wait_for_resolutions = called(results.wait_for_resolutions)
    wait_for_lots = called(results.wait_for_lots)
    certificate = called(results.certificate)
    lot_certificate = called(results.lot_certificate)
    lot_ledger = called(results.lot_ledger)
    lot_corrections = called(results.lot_corrections)
    withdrawals = called(results.withdrawals)
    keys = called(results.keys)
    lineage = called(results.lineage)
    export = called(exports.export)
    claim = called(people.claim)
    claim_any = called(people.claim_any)
    submit = called(people.submit)
    skip = called(people.skip)
    save_draft = called(people.save_draft)
    draft = called(people.draft)
    forget_draft = called(people.forget_draft)
    standing = called(people.standing)
    own_quality = called(own.own_quality)
    payload = called(people.payload)
    escalations = called(people.escalations)
    escalated_objects = called(drawn.escalated_objects)
    rule = called(people.rule)
    gold_in_doubt = called(gold.gold_in_doubt)
    rule_gold = called(gold.rule_gold)
    gold_candidates = called(gold.gold_candidates)
    decide_candidate = called(gold.decide_candidate)
    gold_stock = called(gold.gold_stock)
    rule_unanswerable = called(people.rule_unanswerable)
    rule_unclear = called(people.rule_unclear)
    refer_back = called(people.refer_back)
    retraining = called(gold.retraining)
    finish_retraining = called(gold.finish_retraining)
    appeal_gold = called(gold.appeal_gold)
    own_gold_appeals = called(gold.own_gold_appeals)
    inspections = called(people.inspections)
    inspect = called(people.inspect)
    post_outputs = called(feedback.post_outputs)
    models = called(feedback.models)
    model_score = called(feedback.model_score)
    together = called(feedback.together)
    disagreements = called(feedback.disagreements)
    review = called(feedback.review)
    judge = called(feedback.judge)
    next_units = called(feedback.next_units)
    dead_letters = called(letters.dead_letters)
    replay_dead_letter = called(letters.replay_dead_letter)
    alerts = called(broken.alerts)
    agreement = called(parts.agreement)
    infer = called(inferring.infer)
    inference = called(inferring.inference)
    inferred_units = called(inferring.inferred_units)
    inferred_annotators = called(inferring.inferred_annotators)
    models_beside_people = called(beside.models_beside_people)
    units_apart = called(parts.units_apart)
    roster = called(people_known.roster)
    put_state = called(people_known.put_state)
    import_annotators = called(people_known.import_annotators)
    webhooks = called(hooks.webhooks)
    add_webhook = called(hooks.add_webhook)
    change_webhook = called(hooks.change_webhook)
    remove_webhook = called(hooks.remove_webhook)
    rotate_webhook = called(hooks.rotate_webhook)
    try_webhook = called(hooks.try_webhook)
    deliveries = called(hooks.deliveries)
    delivery = called(hooks.delivery)
    resend_delivery = called(hooks.resend_delivery)
    projects = called(projects.projects)


class AwaitedOperations:
    """What can be asked of the services, awaited."""

    @abstractmethod
    async def run(self, flow: Flow[T]) -> T:
        """Carry an operation out."""

    define_project = awaited(projects.define_project)
    project = awaited(projects.project)
    pause_project = awaited(projects.pause_project)
    resume_project = awaited(projects.resume_project)
    close_project = awaited(projects.close_project)
    changes = awaited(projects.changes)
    schemas = awaited(versions.schemas)
    schema = awaited(versions.schema)
    define_annotator = awaited(projects.define_annotator)
    annotator = awaited(projects.annotator)
    stranded = awaited(projects.stranded)
    conduct = awaited(pace.conduct)
    release = awaited(pace.release)
    own_conduct = awaited(pace.own_conduct)
    appeal_conduct = awaited(pace.appeal_conduct)
    rule_conduct = awaited(pace.rule_conduct)
    own_labels = awaited(given.own_labels)
    own_label = awaited(given.own_label)
    revise = awaited(given.revise)
    questions = awaited(leading.questions)
    answer_question = awaited(leading.answer_question)
    closing_bars = awaited(leading.closing_bars)
    close_escalations = awaited(leading.close_escalations)
    ruling_agreement = awaited(leading.ruling_agreement)
    admit = awaited(units.admit)
    send = awaited(units.send)
    import_units = awaited(units.import_units)
    import_file = awaited(units.import_file)
    import_state = awaited(units.import_state)
    send_file = awaited(units.send_file)
    find = awaited(units.find)
    erase = awaited(units.erase)
    seal = awaited(units.seal)
    compare_values = awaited(privacy.compare_values)
    original_values = awaited(privacy.original_values)
    quality = awaited(results.quality)
    report = awaited(results.report)
    annotators = awaited(results.annotators)
    time_worked = awaited(worked.time_worked)
    spending = awaited(results.spending)
    resolutions = awaited(results.resolutions)
    lots = awaited(results.lots)
    lot = awaited(results.lot)
    rechecks = awaited(results.rechecks)
    raise_recheck = awaited(results.raise_recheck)
    wait_for_resolutions = awaited(results.wait_for_resolutions)
    wait_for_lots = awaited(results.wait_for_lots)
    certificate = awaited(results.certificate)
    lot_certificate = awaited(results.lot_certificate)
    lot_ledger = awaited(results.lot_ledger)
    lot_corrections = awaited(results.lot_corrections)
    withdrawals = awaited(results.withdrawals)
    keys = awaited(results.keys)
    lineage = awaited(results.lineage)
    export = awaited(exports.export)
    claim = awaited(people.claim)
    claim_any = awaited(people.claim_any)
    submit = awaited(people.submit)
    skip = awaited(people.skip)
    save_draft = awaited(people.save_draft)
    draft = awaited(people.draft)
    forget_draft = awaited(people.forget_draft)
    standing = awaited(people.standing)
    own_quality = awaited(own.own_quality)
    payload = awaited(people.payload)
    escalations = awaited(people.escalations)
    escalated_objects = awaited(drawn.escalated_objects)
    rule = awaited(people.rule)
    gold_in_doubt = awaited(gold.gold_in_doubt)
    rule_gold = awaited(gold.rule_gold)
    gold_candidates = awaited(gold.gold_candidates)
    decide_candidate = awaited(gold.decide_candidate)
    gold_stock = awaited(gold.gold_stock)
    rule_unanswerable = awaited(people.rule_unanswerable)
    rule_unclear = awaited(people.rule_unclear)
    refer_back = awaited(people.refer_back)
    retraining = awaited(gold.retraining)
    finish_retraining = awaited(gold.finish_retraining)
    appeal_gold = awaited(gold.appeal_gold)
    own_gold_appeals = awaited(gold.own_gold_appeals)
    inspections = awaited(people.inspections)
    inspect = awaited(people.inspect)
    post_outputs = awaited(feedback.post_outputs)
    models = awaited(feedback.models)
    model_score = awaited(feedback.model_score)
    together = awaited(feedback.together)
    disagreements = awaited(feedback.disagreements)
    review = awaited(feedback.review)
    judge = awaited(feedback.judge)
    next_units = awaited(feedback.next_units)
    dead_letters = awaited(letters.dead_letters)
    replay_dead_letter = awaited(letters.replay_dead_letter)
    alerts = awaited(broken.alerts)
    agreement = awaited(parts.agreement)
    infer = awaited(inferring.infer)
    inference = awaited(inferring.inference)
    inferred_units = awaited(inferring.inferred_units)
    inferred_annotators = awaited(inferring.inferred_annotators)
    models_beside_people = awaited(beside.models_beside_people)
    units_apart = awaited(parts.units_apart)
    roster = awaited(people_known.roster)
    put_state = awaited(people_known.put_state)
    import_annotators = awaited(people_known.import_annotators)
    webhooks = awaited(hooks.webhooks)
    add_webhook = awaited(hooks.add_webhook)
    change_webhook = awaited(hooks.change_webhook)
    remove_webhook = awaited(hooks.remove_webhook)
    rotate_webhook = awaited(hooks.rotate_webhook)
    try_webhook = awaited(hooks.try_webhook)
    deliveries = awaited(hooks.deliveries)
    delivery = awaited(hooks.delivery)
    resend_delivery = awaited(hooks.resend_delivery)
    projects = awaited(projects.projects)
