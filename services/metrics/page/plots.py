"""The plots of a project's report, as inline SVG: numbers of ours, and texts of others escaped.

A plotting library would be more than all of metrics (matplotlib alone 60 MB in the image and a second of start), or one
that needs scripts, which the page must not run. What is drawn are six plain plots.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from concord.chassis.clock import MICROSECONDS
from concord.pages.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    box,
    grid,
    line,
    nice,
    percent,
    plot,
    scale,
    ticks,
)
from concord.pages.parts import text_in_drawing
from concord.quality.estimate import Estimate
from services.metrics.domain.drift import DRIFT_LIMIT, Drifted, Window
from services.metrics.domain.standing import Competence

LINES_MAX = 4
POINTS_MAX = 400
PEOPLE_MAX = 40
CLASSES_MAX = 12
TIMES_MAX = 5
HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 1_440, 2_880, 5_760, 8_760)
"""Between two marks of time: so many hours."""
MARK_CHARACTERS = 42
"""Of all marks of time together: more would run into one another."""
LABEL_CHARACTERS = 19
ROW = 16
HOUR_MS = 3_600_000
PERCENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
STYLES = ("", "s1", "s2", "s3")


def agreement_over_time(curve: Sequence[tuple[int, int, Estimate]], target: float, name: str) -> str:
    """Return alpha by window with the band of its interval, and the contract's target across."""
    low = min([0.0, *(estimate.low for _, _, estimate in curve if estimate.low is not None)])
    across, up = _times(curve[0][0], curve[-1][1]), scale(max(-1.0, low), 1.0, HEIGHT - BOTTOM, TOP)
    parts = [grid([value for value in (-1.0, -0.5, *PERCENTS) if value >= max(-1.0, low)], up, "{:.2f}")]
    parts.append(_time_ticks(curve[0][0], curve[-1][1], across))
    middle = [(across((from_us + until_us) / 2), estimate) for from_us, until_us, estimate in curve]
    banded = [
        (x, estimate.low, estimate.high)
        for x, estimate in middle
        if estimate.low is not None and estimate.high is not None
    ]
    if len(banded) > 1:
        there = " ".join(f"{x:.1f},{up(max(-1.0, high)):.1f}" for x, _, high in banded)
        back = " ".join(f"{x:.1f},{up(max(-1.0, low_at)):.1f}" for x, low_at, _ in reversed(banded))
        parts.append(f'<polygon class="band" points="{there} {back}"/>')
    parts.append(line("mark good", LEFT, up(target), WIDTH - RIGHT, up(target)))
    parts.append(_polyline("line", [(x, up(estimate.value or 0.0)) for x, estimate in middle]))
    parts += [_dot("dot", x, up(estimate.value or 0.0), 2.5) for x, estimate in middle]
    return plot(parts, "Time of a unit's first label (UTC)", "Krippendorff's alpha", name)


def shares_over_time(windows: Sequence[Window], name: str) -> tuple[str, list[str]]:
    """Return the shares of the most frequent labels by window, and which labels those are, in the lines' order."""
    often: dict[str, float] = {}
    for window in windows:
        for label, units in window.counts.items():
            often[label] = often.get(label, 0.0) + units
    drawn = sorted(often, key=lambda label: (-often[label], label))[:LINES_MAX]
    first, last = windows[0].from_us, windows[-1].until_us
    across, up = _times(first, last), scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    parts = [grid(PERCENTS, up, "{:.0%}"), _time_ticks(first, last, across)]
    for label, style in zip(drawn, STYLES, strict=False):
        points = [
            (across((span.from_us + span.until_us) / 2), up(span.counts.get(label, 0.0) / span.units))
            for span in windows
        ]
        parts.append(_polyline(f"line {style}".strip(), points))
        parts += [_dot("dot", x, y, 1.8) for x, y in points] if len(points) == 1 else []
    return plot(parts, "Time of a unit's first label (UTC)", "Share of labels", name), drawn


def shares_so_far(window: Window, name: str) -> str:
    """Return the shares of the most frequent labels of one window, as bars."""
    often = sorted(window.counts, key=lambda label: (-window.counts[label], label))[:CLASSES_MAX]
    across, step = scale(0.0, 1.0, LEFT + 90, WIDTH - RIGHT - 34), ROW * 1.4
    bottom = TOP + step * len(often)
    parts = [_below(bottom, across(value), percent(value)) for value in PERCENTS]
    for place, label in enumerate(often):
        share, y = window.counts[label] / window.units, TOP + step * place
        parts.append(_beside(LEFT + 84, y + step / 2, label))
        parts.append(box("bar", across(0.0), y + 3, max(1.0, across(share) - across(0.0)), step - 6))
        parts.append(f'<text x="{across(share) + 4:.1f}" y="{y + step / 2 + 4:.1f}">{percent(share)}</text>')
    return _tall(parts, bottom + 30, "Share of labels", name)


def throughput_and_accuracy(people: Sequence[Competence], name: str) -> str:
    """Return annotators by labels an hour of active time and accuracy on gold, those with the most gold."""
    known = [
        person
        for person in people
        if person.gold_units and person.active_ms_median and person.accuracy.value is not None
    ]
    known = sorted(known, key=lambda person: (-person.gold_units, person.annotator_id))[:POINTS_MAX]
    most = max((HOUR_MS / person.active_ms_median for person in known), default=1.0)
    across, up = scale(0.0, 1.05 * most, LEFT, WIDTH - RIGHT), scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    parts = [grid(PERCENTS, up, "{:.0%}"), ticks(nice(most), across, lambda value: f"{value:,.6g}")]
    for person in known:
        x, found = across(HOUR_MS / person.active_ms_median), person.accuracy
        if found.low is not None and found.high is not None:
            parts.append(line("whisker", x, up(found.low), x, up(found.high)))
        tip = f"<title>{text_in_drawing(person.annotator_id)}</title>"
        parts.append(_dot("dot", x, up(found.value or 0.0), 3.5, tip))
    return plot(parts, "Labels an hour of active time, by the median", "Accuracy on gold, with its interval", name)


def competence(people: Sequence[Competence], bar: float, name: str) -> str:
    """Return the least accurate annotators, each with the interval of the accuracy, and the project's bar."""
    known = [person for person in people if person.gold_units and person.accuracy.value is not None]
    shown = sorted(known, key=lambda person: (person.accuracy.value or 0.0, person.annotator_id))[:PEOPLE_MAX]
    across, bottom = scale(0.0, 1.0, LEFT + 90, WIDTH - RIGHT - 8), TOP + ROW * len(shown)
    parts = [line("mark good", across(bar), TOP, across(bar), bottom)]
    parts += [_below(bottom, across(value), percent(value)) for value in PERCENTS]
    for place, person in enumerate(shown):
        y = TOP + ROW * (place + 0.5)
        parts.append(_beside(LEFT + 84, y, person.annotator_id))
        found = person.accuracy
        if found.low is not None and found.high is not None:
            parts.append(line("whisker", across(found.low), y, across(found.high), y))
        bad = found.high is not None and found.high < bar
        parts.append(_dot("dot bad" if bad else "dot", across(found.value or 0.0), y, 4))
    return _tall(parts, bottom + 30, "Accuracy on gold, with its interval", name)


def confusion(counts: Mapping[tuple[str, str], int], classes: Sequence[str], name: str) -> str:
    """Return how gold of each class was answered, by shares of its answers: rows known, columns given."""
    known: dict[str, int] = {}
    for (gold, _), times in counts.items():
        known[gold] = known.get(gold, 0) + times
    drawn = [label for label in classes if known.get(label)]
    drawn = sorted(sorted(drawn, key=lambda label: -known[label])[:CLASSES_MAX], key=list(classes).index)
    given = [label for label in classes if label in drawn or any(counts.get((gold, label)) for gold in drawn)]
    given = given[: 2 * CLASSES_MAX]
    cell = min(90.0, (WIDTH - LEFT - 90 - RIGHT) / max(1, len(given)))
    parts = [f'<text class="name" x="{LEFT + 84}" y="{TOP + 8}" text-anchor="end">known</text>']
    for row, gold in enumerate(drawn):
        y = TOP + 14 + ROW * 1.6 * row
        parts.append(_beside(LEFT + 84, y + ROW * 0.8, gold))
        for column, label in enumerate(given):
            share = counts.get((gold, label), 0) / known[gold]
            x = LEFT + 90 + cell * column
            size = f'width="{cell - 2:.1f}" height="{ROW * 1.6 - 2:.1f}"'
            tip = f"<title>{counts.get((gold, label), 0)}</title>"
            shade = f'fill-opacity="{0.06 + 0.44 * share:.3f}"'
            parts.append(f'<rect class="heat" {shade} x="{x:.1f}" y="{y:.1f}" {size}>{tip}</rect>')
            if cell >= 30 and share:
                parts.append(_centred(x + cell / 2, y + ROW * 1.05, f"{share:.0%}"))
    for column, label in enumerate(given):
        if cell >= 20:
            parts.append(
                _centred(
                    LEFT + 90 + cell * (column + 0.5), TOP + 8, _short(label, min(LABEL_CHARACTERS, int(cell // 7)))
                )
            )
    return _tall(parts, TOP + 34 + ROW * 1.6 * len(drawn), "Given label, as a share of the known label's answers", name)


def drift(found: Sequence[Drifted], name: str) -> str:
    """Return the stability index of each measure, and the size from which on it is told."""
    shown = [measure for measure in found if measure.psi is not None]
    most = max([2 * DRIFT_LIMIT, *(measure.psi or 0.0 for measure in shown)])
    across, bottom = scale(0.0, most, LEFT + 90, WIDTH - RIGHT - 8), TOP + ROW * 1.4 * len(shown)
    parts = [line("mark bad", across(DRIFT_LIMIT), TOP, across(DRIFT_LIMIT), bottom)]
    parts += [_below(bottom, across(value), f"{value:.3g}") for value in nice(most)]
    for place, measure in enumerate(shown):
        y = TOP + ROW * 1.4 * place
        parts.append(_beside(LEFT + 84, y + ROW * 0.7, measure.measure.replace("_", " ")))
        width = max(1.0, across(measure.psi or 0.0) - across(0.0))
        parts.append(box("bar bad" if measure.is_found else "bar", across(0.0), y + 3, width, ROW * 1.4 - 6))
    return _tall(parts, bottom + 30, "Population stability index", name)


def _times(first_us: int, last_us: int) -> Scale:
    return scale(float(first_us), float(last_us), LEFT, WIDTH - RIGHT)


def _time_ticks(first_us: int, last_us: int, across: Scale) -> str:
    """Return full hours or days below the plot, as many as there is room for."""
    hours = (last_us - first_us) / (3_600 * MICROSECONDS)
    forms = ((20, "%H:%M"), (96, "%d %b %H:%M"), (24 * 300, "%d %b"))
    form = next((form_of for most, form_of in forms if hours <= most), "%b %y")

    def shown(at_us: float) -> str:
        return datetime.fromtimestamp(at_us / MICROSECONDS, UTC).strftime(form)

    count = min(TIMES_MAX, MARK_CHARACTERS // len(shown(first_us)))
    step_us = next((hour for hour in HOURS if hour * count >= hours), HOURS[-1]) * 3_600 * MICROSECONDS
    marks = range(-(-first_us // step_us) * step_us, last_us + 1, step_us)
    return ticks([float(mark) for mark in marks[:count]], across, shown)


def _polyline(kind: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _dot(kind: str, x: float, y: float, radius: float, inside: str = "") -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{inside}</circle>'


def _beside(x: float, y: float, words: str) -> str:
    whole, short = text_in_drawing(words), text_in_drawing(_short(words))
    return f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="end"><title>{whole}</title>{short}</text>'


def _below(bottom: float, x: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{words}</text>'


def _centred(x: float, y: float, words: str) -> str:
    return f'<text class="name" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{text_in_drawing(words)}</text>'


def _short(words: str, most: int = LABEL_CHARACTERS) -> str:
    bare = words.strip('"')
    return bare if len(bare) <= most else bare[: max(1, most - 1)] + "…"


def _tall(parts: Sequence[str], height: float, title: str, name: str) -> str:
    named = f'<text class="name" x="{WIDTH - RIGHT}" y="{height - 5:.0f}" text-anchor="end">{title}</text>'
    heading = f'role="img" aria-labelledby="{name}"><title id="{name}">{title}</title>'
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" {heading}{"".join(parts)}{named}</svg>'
