"""`concord annotate quality`: an annotator's own quality in a project."""

import click

from cli.session import Session, show_table, speaks
from concord.client.models import Estimate
from concord.client.own import OwnQuality

HOUR_MS = 3_600_000
SECOND_MS = 1_000
DAYS_SHOWN_MAX = 14


@click.command("quality")
@click.argument("project_id")
@speaks
def verb(session: Session, project_id: str) -> None:
    """Show how well and how fast you work in PROJECT_ID: on hidden gold over time, by class and by pace, and by day.

    An answer on hidden gold is told with nine more at least, and when the day after it is over (UTC): else you would
    know which units are gold.
    """
    with session.client() as concord:
        found = concord.own_quality(project_id)
    session.told(found, lambda: _show(found))


def _show(found: OwnQuality) -> None:
    if found.stated_until is None:
        click.echo(f"nothing is told of hidden gold yet: it is once {found.step} answers and a day more are over")
    else:
        click.echo(
            f"hidden gold until {found.stated_until}: {found.gold_correct} of {found.gold_units} right, accuracy "
            f"{_interval(found.accuracy)}; the newest {found.right_in_a_row} all right"
        )
    resolved = found.resolved_same + found.resolved_other
    if resolved:
        click.echo(f"on resolved units: {found.resolved_same} of about {resolved} labels are what was resolved")
    others = found.others_active_ms_median
    beside = "" if others is None else f"; {others / SECOND_MS:.1f} s of the others"
    click.echo(f"{found.labels} labels, {found.active_ms_median / SECOND_MS:.1f} s of active time in median{beside}")
    if found.fatigue is not None and found.fatigue.asked:
        click.echo(f"last {found.fatigue.asked}, until {found.fatigue.until}: {found.fatigue.reason}")
    if found.periods:
        rows = [(part.until, part.gold_units, part.gold_correct, _interval(part.accuracy)) for part in found.periods]
        show_table(("until", "hidden gold", "right", "accuracy"), rows)
    for pairs in found.confusion:
        if pairs.cells:
            click.echo(f"{pairs.field or 'label'}: in threes; {pairs.others} more are in no three")
            show_table(
                ("known as", "you gave", "times"), [(cell.known, cell.given, cell.units) for cell in pairs.cells]
            )
    if found.paces:
        paces = [(f"{pace.seconds_from} to {pace.seconds_to}", _interval(pace.accuracy)) for pace in found.paces]
        show_table(("seconds", "accuracy"), paces)
    if found.days:
        days = [
            (day.day or "earlier", day.labels, f"{day.active_ms / HOUR_MS:.3f}") for day in found.days[-DAYS_SHOWN_MAX:]
        ]
        show_table(("day", "labels", "active hours"), days)


def _interval(measure: Estimate) -> str:
    if measure.value is None or measure.low is None or measure.high is None:
        return measure.reason
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"
