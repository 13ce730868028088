"""Standings: what is concluded of annotators is what the statistics say, at a cost that many classes do not raise."""

import random
import sys

import pytest

from concord.labels import encoded, schema_from
from concord.labels.versions import Versions
from concord.quality.competence import ConfusionCounts, class_prior, confusion_matrix, crowd_accuracy, expected_accuracy
from concord.quality.crowd import ROW_STRENGTH, own_accuracy
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.standing import Standing, competences, gold_answers, names_of
from services.metrics.domain.traits import traits_of


def standings(people: int, classes: int, seed: int = 1) -> dict[str, Standing]:
    generator, found = random.Random(seed), {}
    labels = [f'"c{place}"' for place in range(classes)]
    for number in range(people):
        standing = found[f"w{number}"] = Standing()
        for _ in range(20):
            gold = generator.choice(labels)
            standing.answered(gold, gold if generator.random() < 0.8 else generator.choice(labels))
    return found


@pytest.mark.parametrize("classes", [2, 7, 300])
def test_expected_accuracy_is_that_of_the_shrunk_confusion_matrix_also_of_many_classes(classes: int) -> None:
    schema = schema_from({"kind": "choice", "classes": [f"c{place}" for place in range(classes)]})
    known = standings(12, classes)
    counts = {}
    for annotator_id, standing in known.items():
        rows = [[0] * classes for _ in range(classes)]
        for gold, given, times in gold_answers(standing, classes_of(schema)):
            rows[gold][given] += times
        counts[annotator_id] = ConfusionCounts(tuple(map(tuple, rows)))
    crowd = ConfusionCounts.total(counts.values(), classes)
    mix = class_prior([sum(row) for row in crowd.counts])
    average = crowd_accuracy(crowd.correct, crowd.units, classes)
    for competence in competences(known, schema):
        counted = counts[competence.annotator_id]
        own = own_accuracy(counted.correct, counted.units, average)
        wrong = (1 - own) / (classes - 1)
        prior = [[ROW_STRENGTH * (own if k == given else wrong) for given in range(classes)] for k in range(classes)]
        wanted = expected_accuracy(confusion_matrix(counts[competence.annotator_id], prior), mix)
        assert competence.expected_accuracy == pytest.approx(wanted)
        assert (competence.gold_units, competence.gold_correct) == (20, counts[competence.annotator_id].correct)


def test_an_answer_within_the_tolerance_of_the_schema_is_right() -> None:
    schema = schema_from({"kind": "number", "low": 0, "high": 100, "tolerance": 0.5})
    standing = Standing()
    standing.answered("37.0", "37.2")
    standing.answered("37.0", "38.0")
    (found,) = competences({"ann": standing}, schema)
    assert (found.gold_units, found.gold_correct, found.expected_accuracy) == (2, 1, None)


def test_what_is_remembered_of_answers_and_times_follows_them() -> None:
    schema = schema_from({"kind": "choice", "classes": ["no", "yes"]})
    standing = Standing()
    standing.answered('"yes"', '"yes"')
    assert competences({"ann": standing}, schema)[0].gold_correct == 1
    standing.answered('"yes"', '"no"')
    standing.answered('"yes"', '"yes"', -1)
    assert competences({"ann": standing}, schema)[0].gold_correct == 0
    assert competences({"ann": standing}, schema)[0].gold_units == 1


def test_two_who_answered_the_same_gold_are_expected_the_same_in_whatever_order_they_did() -> None:
    schema = schema_from({"kind": "choice", "classes": [str(place) for place in range(7)]})
    generator = random.Random(5)
    for _ in range(50):
        answers = [(f'"{generator.randrange(7)}"', f'"{generator.randrange(7)}"') for _ in range(40)]
        standing, two = Standing(), Standing()
        for gold, label in answers:
            standing.answered(gold, label)
        for gold, label in reversed(answers):
            two.answered(gold, label)
        first, second = competences({"ann": standing, "bob": two}, schema)
        assert first.expected_accuracy == second.expected_accuracy


def test_long_labels_and_suggestions_are_not_remembered() -> None:
    names = names_of(Versions(schema_from({"kind": "text"})))
    text = '"' + "a" * 5_000 + '"'
    held = sys.getrefcount(text)
    assert (names.text(text), names.closed_since(text)) == (text, 0)
    assert traits_of("law", "text/plain", 200, None, text).suggested is text
    assert sys.getrefcount(text) == held
    assert traits_of("law", "text/plain", 200, None, '"yes"') is traits_of("law", "text/plain", 200, None, '"yes"')


@pytest.mark.parametrize("versions", [False, True])
def test_what_many_answered_alike_is_one_pair_and_what_is_long_is_each_ones_own(versions: bool) -> None:
    names = names_of(Versions(schema_from({"kind": "choice", "classes": ["no", "yes"]}))) if versions else None
    standings = [Standing(), Standing()]
    for number, standing in enumerate(standings):
        if names is not None:
            standing.read_by(names)
        for given in ("no", "n" * 500):
            # Each answer is decoded anew, and its texts with it.
            known, answer = (encoded(label).decode() for label in ("yes", given))
            standing.answered(known, answer, times=number + 1)
    short, long = zip(*(standing.answers for standing in standings), strict=True)
    assert short[0] is short[1]
    assert long[0] == long[1]
    assert long[0] is not long[1]
    if names is None:
        return
    shared = zip(*(standing.said for standing in standings), strict=True)
    assert [first is second for first, second in shared] == [True, False]
