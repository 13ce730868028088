import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from concord.quality.fatigue import FatigueRule, GoldBaseline, Session, after_break, after_unit, fatigue

DATA = Path(__file__).parents[3] / "data"
TIMED_BETWEEN_FALSE_ALARMS = 930  # at a lag-one autocorrelation of .3, and more at less
GOLD_BETWEEN_FALSE_ALARMS = FatigueRule().gold_between_false_alarms


def times_by_annotator(name: str) -> dict[str, list[float]]:
    """Return the seconds of each annotator, in order of time where there are dates, else of the file."""
    times: dict[str, list[tuple[str, float]]] = defaultdict(list)
    with (DATA / name / "labels.csv").open() as rows:
        for row in csv.DictReader(rows):
            times[row["annotator"]].append((row.get("timestamp", ""), float(row["seconds"])))
    return {who: [seconds for _, seconds in sorted(seen, key=lambda at: at[0])] for who, seen in times.items()}


def alarms(times: Iterable[float]) -> int:
    """Count alarms on times alone, going on after a break each time."""
    session, count = Session(), 0
    for seconds in times:
        session = after_unit(session, seconds=seconds)
        if fatigue(session).slower:
            session, count = after_break(session), count + 1
    return count


def most(observations: int, between: float = TIMED_BETWEEN_FALSE_ALARMS) -> int:
    """Return the largest count of false alarms that the stated rate still explains, at 1 in 100."""
    counts = np.random.default_rng(0).poisson(observations / between, 10_000)
    return int(np.quantile(counts, 0.99))


@pytest.mark.parametrize("name", ["weather_sentiment", "person_video"])
def test_real_timings_alarm_no_more_often_than_stated(name: str) -> None:
    people = times_by_annotator(name)
    units = sum(map(len, people.values()))
    assert sum(map(alarms, people.values())) <= most(units)


@pytest.mark.parametrize("name", ["weather_sentiment", "person_video"])
def test_speeding_up_never_alarms(name: str) -> None:
    for times in times_by_annotator(name).values():
        assert alarms(sorted(times, reverse=True)) == 0


def test_people_who_got_faster_are_left_alone() -> None:
    faster = {
        who: times
        for who, times in times_by_annotator("person_video").items()
        if len(times) >= 20 and np.median(times[len(times) // 2 :]) < np.median(times[: len(times) // 2])
    }
    assert len(faster) >= 5
    assert sum(map(alarms, faster.values())) == 0


@pytest.mark.parametrize("name", ["weather_sentiment", "person_video"])
def test_learning_curves_on_real_timings_stay_at_the_stated_rate(name: str) -> None:
    generator = np.random.default_rng(9)
    people = times_by_annotator(name)
    count = units = 0
    for times in people.values():
        learned = 0.6 + 0.4 * np.exp(-np.arange(len(times)) / 15)  # 40 % faster in the end
        count += alarms(generator.permutation(times) * learned)
        units += len(times)
    assert count <= most(units)


def test_steady_times_of_any_shape_alarm_as_stated() -> None:
    generator = np.random.default_rng(10)
    times = np.exp(generator.standard_t(2, 12_000))  # tails far heavier than normal
    assert alarms(times) <= most(12_000)


def correlated(generator: np.random.Generator, count: int, rho: float) -> list[float]:
    """Return lognormal times whose logarithms have this lag-one autocorrelation."""
    logs = np.empty(count)
    state = float(generator.normal())
    for place, noise in enumerate(generator.normal(size=count) * np.sqrt(1 - rho * rho)):
        state = rho * state + float(noise)
        logs[place] = state
    return [float(seconds) for seconds in np.exp(2.3 + 0.4 * logs)]


@pytest.mark.parametrize("rho", [0.0, 0.1, 0.2, 0.3])
def test_steady_times_alarm_no_more_often_than_stated_where_they_follow_one_another(rho: float) -> None:
    times = correlated(np.random.default_rng(16), 30_000, rho)
    assert alarms(times) <= most(30_000)


def test_a_long_pause_counts_as_the_slowest_unit_and_no_more() -> None:
    usual = np.random.default_rng(12).lognormal(2.3, 0.3, 30).tolist()
    after: list[float] = []
    for pause in (max(usual) + 1, 40_000.0):
        session = Session(times=tuple(usual))
        for seconds in (pause, *usual[:5]):
            session = after_unit(session, seconds=seconds)
        after.append(session.slow_sum)
    assert after[0] == after[1] < FatigueRule().time_h


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_lasting_slowness_of_1_75_deviations_is_found_within_twelve_units_and_dated(rho: float) -> None:
    generator = np.random.default_rng(13)
    delays, dated = [], []
    for _ in range(60):
        times = correlated(generator, 200, rho)
        session = Session(times=tuple(times[:50]))
        for unit, seconds in enumerate(times[50:], start=1):
            session = after_unit(session, seconds=seconds * np.exp(1.75 * 0.4))
            if fatigue(session).slower:
                delays.append(unit)
                dated.append(fatigue(session).turned_units_ago or 0)
                break
    assert len(delays) >= 55
    assert np.median(delays) <= 12
    assert np.median(np.abs(np.array(delays) - dated)) <= 3


def gold_until_alarm(generator: np.random.Generator, accuracy: float, gold_before: int, limit: int) -> int:
    baseline = GoldBaseline(int(generator.binomial(gold_before, 0.10)), gold_before)
    session = Session(baseline)
    for _ in range(20):  # honest work first, as in a real session
        session = after_unit(session, seconds=None, wrong=bool(generator.random() < 0.10))
    session = after_break(session) if fatigue(session).alarm else session
    for gold in range(1, limit):
        session = after_unit(session, seconds=None, wrong=bool(generator.random() > accuracy))
        if fatigue(session).less_accurate:
            return gold
    return limit


@pytest.mark.parametrize("gold_before", [40, 100])
def test_drop_of_accuracy_is_found_within_forty_gold_units_in_median(gold_before: int) -> None:
    generator = np.random.default_rng(14)
    delays = [gold_until_alarm(generator, 0.75, gold_before, limit=400) for _ in range(400)]
    assert np.median(delays) <= 40


@pytest.mark.parametrize(("gold_before", "error_rate"), [(40, 0.10), (100, 0.05), (100, 0.25)])
def test_steady_accuracy_alarms_no_more_often_than_stated(gold_before: int, error_rate: float) -> None:
    generator = np.random.default_rng(15)
    gold = count = 0
    for _ in range(150):
        session = Session(GoldBaseline(int(generator.binomial(gold_before, error_rate)), gold_before))
        for wrong in generator.random(100) < error_rate:
            session, gold = after_unit(session, seconds=None, wrong=bool(wrong)), gold + 1
            if fatigue(session).less_accurate:
                session, count = after_break(session), count + 1
    assert count <= most(gold, GOLD_BETWEEN_FALSE_ALARMS)


def test_without_a_record_nothing_is_judged() -> None:
    session = Session()
    for _ in range(9):
        session = after_unit(session, seconds=500.0, wrong=True)
    now = fatigue(session)
    assert not now.alarm
    assert len(now.unjudged) == 2
    assert (session.slow_sum, session.error_sum, session.units) == (0.0, 0.0, 9)


def test_kept_times_are_bounded() -> None:
    session = Session()
    for seconds in range(200):
        session = after_unit(session, seconds=float(seconds))
    assert session.times == tuple(float(seconds) for seconds in range(150, 200))


def test_impossible_record_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        GoldBaseline(3, 2)
