"""What is seen while the demo runs: bars on a terminal, a plain line now and then elsewhere."""

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

PLAIN_SECONDS = 2.0


class Stage(AbstractContextManager["Stage"]):
    """One stage of the work, counted up to a total that may not be known."""

    def __init__(self, console: Console, title: str, total: int | None) -> None:
        self.console = console
        self.title = title
        self.total = total
        self.done = 0
        self._said_at = 0.0
        self._note = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Show the stage."""
        if self.console.is_terminal:
            columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self.console)
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the stage's last line standing."""
        if self._bar is not None:
            self._bar.stop()
        else:
            self._say()

    def advance(self, count: int = 1) -> None:
        """Count some more as done."""
        self.reach(self.done + count)

    def reach(self, done: int, note: str = "") -> None:
        """Say how much is done, and what else is worth telling."""
        self.done = done
        self._note = f"; {note}" if note else ""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, description=f"{self.title}{self._note}")
        elif time.monotonic() - self._said_at > PLAIN_SECONDS:
            self._say()

    def _say(self) -> None:
        self._said_at = time.monotonic()
        of = "" if self.total is None else f" of {self.total}"
        self.console.print(f"{self.title}: {self.done}{of}{self._note}", highlight=False)
        sys.stdout.flush()
