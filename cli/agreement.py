"""`concord agreement`: how far people agree in the parts of a project, and the units on which two do not."""

import json

import click

from cli.annotators import interval
from cli.session import Session, show_table, speaks


@click.command("agreement")
@click.argument("project_id")
@click.option("--pair", nargs=2, metavar="ONE OTHER", help="List the units on which these two annotators disagree.")
@click.option("--field", default="", help="Of labels that have several; else left out.")
@speaks
def verb(session: Session, project_id: str, pair: tuple[str, str] | None, field: str) -> None:
    """Tell how far people agree in PROJECT_ID by class, time, slice, version of the guideline and group of people."""
    if pair is not None:
        _apart(session, project_id, pair, field)
        return
    with session.client() as concord:
        found = [
            parts_of_field
            for parts_of_field in concord.agreement(project_id)
            if not field or parts_of_field.field == field
        ]
    rows = [
        (of.field, part.by, part.part or part.start, interval(part.alpha), interval(part.agreement), part.alpha.units)
        for of in found
        for part in of.parts
    ]
    session.each(found, lambda: show_table(("field", "by", "part", "alpha", "equal pairs", "units"), rows))


def _apart(session: Session, project_id: str, pair: tuple[str, str], field: str) -> None:
    with session.client() as concord:
        found = concord.units_apart(project_id, *pair, field=field)
    rows = [
        (unit.unit_id, *(json.dumps(label, ensure_ascii=False) for label in (unit.first, unit.second)), unit.at)
        for unit in found.units
    ]

    def shown() -> None:
        show_table(("unit", *pair, "at"), rows)
        closed = found.disagreed - len(found.units)
        more = f"; {closed} of them are of accepted lots and are not listed" if closed > 0 else ""
        click.echo(f"they disagree on {found.disagreed} of {found.both} units{more}")

    session.told(found, shown)
