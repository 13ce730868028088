"""The deployed rules with shorter waits, for what is looked at over hours, or ends after a quarter of one."""

import re
from pathlib import Path

from deploy.local import observers

UNITS_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LEAST_SECONDS = 15
"""One evaluation, and three scrapes: a window of less sees no increase."""
WAIT = re.compile(r"(?m)(^\s+(?:for|keep_firing_for): )(\d+)([smhd])$")
WINDOW = re.compile(r"(\[|offset |:)(\d+)([smhd])(?=[\]\s:)])")
AGE = re.compile(r"(_seconds\) > )(?:(\d+) \* )?(3600|86400)\b")
AGES = 480
"""How many times as short the ages are that something may have waited: four hours are half a minute."""


def hastened(folder: Path, times: int) -> Path:
    """Write the deployed rules with every wait and window that many times as short, and every age; return where.

    What rules record is called as before.
    """

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found[2]) * UNITS_SECONDS[found[3]] // times
        return f"{found[1]}{max(seconds, LEAST_SECONDS)}s"

    def younger(found: re.Match[str]) -> str:
        return f"{found[1]}{int(found[2] or 1) * int(found[3]) // AGES}"

    text = AGE.sub(younger, observers.RULES.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hastened.rules.yml"
    path.write_text(WINDOW.sub(shorter, WAIT.sub(shorter, text)))
    return path
