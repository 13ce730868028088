"""Units that are counted together add what each of them adds by itself, however they are dealt into batches."""

import random

import msgspec
import pytest

from services.metrics.domain import sums as of_sums
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.traits import traits_of
from services.metrics.domain.unit import Annotation, Unit, share

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
LABELS = ('"no"', '"yes"', '"maybe"', '{"answers":{"severity":3,"toxic":"yes"}}', '{"spans":[]}')
KNOWN, UNKNOWN = traits_of("law", "text/plain", 200, 0.4, '"yes"'), traits_of("", "", None, None)


def annotation(generator: random.Random, at_us: int) -> Annotation:
    return Annotation(
        f"annotator-{generator.randrange(7)}",
        generator.choice(LABELS),
        rework=generator.choice((0, 0, 0, 1)),
        late=generator.random() < 0.1,
        active_ms=generator.choice((0, 900, 12_345)),
        at_us=at_us + generator.randrange(2 * HOUR_US),
        schema_version=generator.choice((1, 1, 1, 2)),
        model=generator.random() < 0.1,
        guideline_version=generator.choice((0, 4, 4, 5)),
    )


def unit(generator: random.Random) -> Unit:
    at_us = generator.choice((3, 4, 200)) * DAY_US
    found = Unit(
        "k1-p",
        gold=generator.choice(("", "", "", '"yes"')),
        admitted_at_us=at_us,
        erased=generator.random() < 0.1,
        annotations={str(n): annotation(generator, at_us) for n in range(generator.choice((0, 1, 2, 3, 3, 5)))},
        settlement="consensus",
        accepted_at_us=at_us + generator.randrange(DAY_US),
        asked=generator.choice((0, 1, 2, 2, 3)),
        traits=generator.choice((None, KNOWN, UNKNOWN)),
        resolved='"yes"',
    )
    found.counted = share(found)
    return found


def added(units: list[Unit], batch: int) -> ClosedSums:
    found = ClosedSums()
    for begin in range(0, len(units), batch):
        found.add(units[begin : begin + batch])
    return found


@pytest.mark.parametrize("seed", range(20))
def test_units_add_the_same_together_as_one_by_one(seed: int) -> None:
    generator = random.Random(seed)
    units = [unit(generator) for _ in range(120)]
    single = added(units, 1)
    assert single.survey.aspects[""].pairs.tables
    assert single.survey.aspects["severity"].people.tables
    generator.shuffle(units)
    for batch in (2, 17, 500):
        assert msgspec.to_builtins(added(units, batch)) == msgspec.to_builtins(single)


def test_rows_that_are_too_many_are_told_however_many_units_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(1)
    units = [unit(generator) for _ in range(120)]
    monkeypatch.setattr(of_sums, "CLOSED_ROWS_BYTES_MAX", 500)
    given: dict[tuple[object, int], int] = {}
    for entry in units:
        if entry.counted.row:
            key = entry.counted.row, entry.counted.schema_version
            given[key] = given.get(key, 0) + 1
    for batch in (1, 7, 500):
        found, over = ClosedSums(), dict[tuple[object, int], int]()
        for begin in range(0, len(units), batch):
            for key, times in found.add(units[begin : begin + batch]).items():
                over[key] = over.get(key, 0) + times
        assert found.rows_over
        kept: dict[tuple[object, int], int] = {(row, 1): times for row, times in found.rows.items()}
        for version, rows in found.versions.items():
            for row, times in rows.items():
                kept[row, version], kept[row, 1] = times, kept[row, 1] - times
        whole = {key: kept.get(key, 0) + over.get(key, 0) for key in kept.keys() | over.keys()}
        assert {key: times for key, times in whole.items() if times} == given
