"""What must hold whatever went wrong: each checker yields a sentence for everything that is broken.

They share no code with the services. They hold what the town's people were told against the topics' records and the
stores' documents.
"""

from collections.abc import Callable, Iterator

from simulation.checkers.acceptance import lots_are_judged_by_their_plans
from simulation.checkers.admissions import (
    admissions_are_kept,
    gold_is_made_by_a_persons_word,
    only_poison_is_set_aside,
    open_units_are_counted,
    the_intake_is_kept,
)
from simulation.checkers.certificates import certificates_say_what_was
from simulation.checkers.classes import gold_that_cannot_be_said_waits, labels_are_of_their_version
from simulation.checkers.conduct import rules_of_conduct_are_kept
from simulation.checkers.decisions import nobody_is_certain, nothing_is_counted_twice, rulings_are_kept
from simulation.checkers.desks import desks_hold_no_more_than_they_may, gold_is_met_by_no_more_than_may
from simulation.checkers.drafts import drafts_end_with_their_leases
from simulation.checkers.labels import labels_are_kept, leases_are_kept, models_count_as_is_said, overlap_is_kept
from simulation.checkers.leaving import exports_are_certified, lots_hold_each_unit_once
from simulation.checkers.measures import measures_are_true
from simulation.checkers.records import event_ids_are_unique, journals_are_gapless, topics_tell_the_journals
from simulation.checkers.referrals import referrals_are_kept
from simulation.checkers.revisions import revisions_are_kept
from simulation.checkers.sight import (
    annotators_see_nothing_they_may_not,
    nobody_sees_another_client,
    what_is_in_can_be_opened,
)
from simulation.evidence import Evidence
from simulation.notebook import Notebook

Checker = Callable[[Notebook, Evidence], Iterator[str]]


def broken(notebook: Notebook, evidence: Evidence) -> list[str]:
    """Return what is broken, one sentence each."""
    return [sentence for checker in CHECKERS for sentence in checker(notebook, evidence)]


def replies_make_sense(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Nobody was told what cannot be."""
    del evidence
    yield from notebook.wrongs


CHECKERS: tuple[Checker, ...] = (
    replies_make_sense,
    event_ids_are_unique,
    journals_are_gapless,
    topics_tell_the_journals,
    admissions_are_kept,
    gold_is_made_by_a_persons_word,
    the_intake_is_kept,
    only_poison_is_set_aside,
    open_units_are_counted,
    labels_are_kept,
    revisions_are_kept,
    referrals_are_kept,
    labels_are_of_their_version,
    gold_that_cannot_be_said_waits,
    leases_are_kept,
    drafts_end_with_their_leases,
    desks_hold_no_more_than_they_may,
    gold_is_met_by_no_more_than_may,
    rules_of_conduct_are_kept,
    rulings_are_kept,
    nothing_is_counted_twice,
    nobody_is_certain,
    overlap_is_kept,
    models_count_as_is_said,
    annotators_see_nothing_they_may_not,
    nobody_sees_another_client,
    what_is_in_can_be_opened,
    lots_are_judged_by_their_plans,
    certificates_say_what_was,
    exports_are_certified,
    lots_hold_each_unit_once,
    measures_are_true,
)
