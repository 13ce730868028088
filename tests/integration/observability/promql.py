"""What PromQL expressions ask for, read as far as rules and dashboards need it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from concord.chassis.telemetry import Instrument

TARGET_LABELS = frozenset({"job", "instance", "service"})
"""What the scrape configuration adds to every series."""
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}

_SELECTOR = re.compile(r"(?<![\w:])(concord_\w+)(?:\{([^}]*)\})?(\[)?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RATED = re.compile(r"\b(?:rate|increase|irate)\(\s*$")


@dataclass(frozen=True, slots=True)
class Selector:
    """A series asked for: its name, the labels it is chosen by, over a window or not, and rated or not."""

    name: str
    labels: frozenset[str]
    windowed: bool
    rated: bool


def selectors(expression: str) -> Iterator[Selector]:
    """Yield every series of ours that an expression asks for."""
    for found in _SELECTOR.finditer(expression):
        labels = frozenset(_MATCHER.findall(found[2] or ""))
        rated = _RATED.search(expression[: found.start()]) is not None
        yield Selector(found[1], labels, found[3] is not None, rated)


def groupings(expression: str) -> set[str]:
    """Return the labels that an expression groups or joins by."""
    return {label.strip() for listed in _GROUPING.findall(expression) for label in listed.split(",") if label.strip()}


def series_of(instruments: list[Instrument]) -> dict[str, Instrument]:
    """Return every series that instruments show, by its name as Prometheus knows it."""
    return {
        f"{instrument.name}{suffix}": instrument for instrument in instruments for suffix in SUFFIXES[instrument.kind]
    }
