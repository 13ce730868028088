"""Drawing by SVG: axes and marks in the page's own colours, by class.

All that is drawn are numbers; a text of anybody's is escaped by whoever hands it in (`parts.text_in_drawing`).
"""

from collections.abc import Callable, Sequence

import numpy as np

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 22, 40
TICKS_MAX = 6

Scale = Callable[[float], float]


def scale(low: float, high: float, at_low: float, at_high: float) -> Scale:
    """Return what maps a range of values to a range of places."""
    return lambda value: at_low + (value - low) / ((high - low) or 1.0) * (at_high - at_low)


def nice(most: float) -> list[float]:
    """Return round values from 0 up to the most."""
    rough = most / TICKS_MAX
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(value * power for value in (1.0, 2.0, 5.0, 10.0) if value * power >= rough)
    return [float(step * place) for place in range(int(most / step + 1e-9) + 1)]


def whole(most: int) -> list[float]:
    """Return round whole numbers from 0 up to the most."""
    return [value for value in nice(float(most)) if value == round(value)]


def percent(value: float, digits: int = 3) -> str:
    """Return a share in percent, to three digits or as many as are wished."""
    return f"{100 * value:.{digits}g}\N{NO-BREAK SPACE}%"


def grid(values: Sequence[float], up: Scale, shown: str) -> str:
    """Return lines across the plot with their values; `shown` is a format."""
    return "".join(
        f"{line('grid', LEFT, up(value), WIDTH - RIGHT, up(value))}"
        f'<text x="{LEFT - 6}" y="{up(value) + 4:.1f}" text-anchor="end">{shown.format(value)}</text>'
        for value in values
    )


def ticks(values: Sequence[float], across: Scale, shown: Callable[[float], str]) -> str:
    """Return values below the plot."""
    return "".join(
        f'<text x="{across(value):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{shown(value)}</text>'
        for value in values
    )


def line(name: str, x: float, y: float, to_x: float, to_y: float) -> str:
    """Return a straight line."""
    return f'<line class="{name}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def box(name: str, x: float, y: float, width: float, height: float) -> str:
    """Return a rectangle."""
    return f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def plot(parts: Sequence[str], below: str, above: str, name: str) -> str:
    """Return a plot of its parts with the names of both axes; `name` is its id, like no other's of the page."""
    names = (
        f'<text class="name" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{below}</text>'
        f'<text class="name" x="{LEFT}" y="{TOP - 9}">{above}</text>'
    )
    title = f"{above}, by: {below.lower()}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}"><title id="{name}">{title}</title>'
        f"{''.join(parts)}{names}</svg>"
    )
