"""A table for people: by rich on a terminal, plain columns elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

PLAIN_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and whether it holds numbers, which stand to the right."""

    heading: str
    numbers: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """What is to be shown: rows of cells in the columns' order, and notes below them."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def plain(self) -> str:
        """Return the table as lines of text without colour or frames."""
        lines = [[column.heading for column in self.columns], *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        shown = [
            PLAIN_GAP.join(
                cell.rjust(width) if column.numbers else cell.ljust(width)
                for cell, width, column in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *shown, *self.notes, ""])

    def rich(self) -> RichTable:
        """Return the table as rich shows it."""
        table = RichTable(
            title=self.title,
            title_justify="left",
            caption="\n".join(self.notes) or None,
            caption_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for column in self.columns:
            table.add_column(column.heading, justify="right" if column.numbers else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table


def show(tables: Sequence[Table], console: Console) -> None:
    """Print tables one below another."""
    for table in tables:
        if console.is_terminal:
            console.print(table.rich(), "")
        else:
            print(table.plain())


def seconds(value: float) -> str:
    """Return a duration with three digits that matter, in the unit that suits it.

    >>> seconds(2.4389), seconds(0.05266), seconds(3.04e-06)
    ('2.44 s', '52.7 ms', '3.04 us')
    """
    unit, name = (1.0, "s") if value >= 1 else (1e3, "ms") if value >= 1e-3 else (1e6, "us")
    return f"{value * unit:#.3g} {name}".replace(". ", " ")


def times(value: float) -> str:
    """Return a ratio.

    >>> times(12.345), times(0.5), times(234.2)
    ('12.3 x', '0.5 x', '234 x')
    """
    return f"{value:.0f} x" if value >= 100 else f"{value:.1f} x"
