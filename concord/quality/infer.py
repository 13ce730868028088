"""`python -m concord.quality infer LABELS.csv [--gold GOLD.csv]`: what a file of labels is worth."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from concord.quality.inference_report import Section, interval_report, nominal_report
from concord.quality.label_file import LabelFileError, read_gold, read_labels, unmatched_gold


@click.command("infer")
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--gold", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Known labels: columns item,label."
)
@click.option(
    "--scale",
    type=click.Choice(["nominal", "interval"]),
    default="nominal",
    show_default=True,
    help="Are labels classes or numbers?",
)
@click.option("--confidence", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True)
def infer_command(labels: Path, gold: Path | None, scale: str, confidence: float) -> None:
    """Print agreement, inferred accuracy and annotators of LABELS, a CSV file.

    Columns: annotator,item,label[,seconds][,timestamp], separated by comma, semicolon, tab or bar. A file that cannot
    be right is refused with its line.
    """
    numeric = scale == "interval"
    try:
        table = read_labels(labels, numeric=numeric)
        known, remarks = {}, table.remarks
        if gold is not None:
            known = read_gold(gold, numeric=numeric)
            remarks += unmatched_gold(gold, known, {row.item for row in table.rows})
    except LabelFileError as error:
        raise click.ClickException(str(error)) from error
    report = interval_report if numeric else nominal_report
    show(report(table.rows, known, confidence, remarks))


def show(sections: Iterable[Section]) -> None:
    """Print sections, as rich tables on a terminal and as aligned columns into a file or pipe.

    >>> show([Section("Labels", ("labels", "units"), (("6", "3"),), ("Few.",))])
    Labels
    labels  units
    6           3
    Few.
    <BLANKLINE>
    """
    console = Console() if sys.stdout.isatty() else None
    for section in sections:
        if console is None:
            click.echo("\n".join([section.title, *_columns(section), *section.remarks, ""]))
            continue
        table = Table(title=section.title, title_justify="left")
        for position, name in enumerate(section.header):
            table.add_column(name, justify="right" if position else "left")
        for row in section.rows:
            table.add_row(*map(Text, row))  # text, so that no name is taken for markup
        console.print(table)
        for remark in section.remarks:
            console.print(remark, markup=False, highlight=False)


def _columns(section: Section) -> list[str]:
    """Return header and rows as lines of aligned columns: the first to the left, numbers to the right."""
    lines = [section.header, *section.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if position else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
