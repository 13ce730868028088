"""`concord annotators`: who they are, whether they are at work, and how well they work."""

import sys
from pathlib import Path
from typing import Literal

import click

from cli import statuses, time_worked
from cli.session import Session, show_table, speaks
from concord.client import Concord
from concord.client.conduct import HeldRule
from concord.client.models import Estimate
from concord.client.work import Annotator, Credential, RosterReport
from concord.pages.figures import digits_apart

DIGITS = 3
"""Of a measure, after the point, where nothing asks for more."""

STATES = ("invited", "qualifying", "active", "paused", "retired")
ROSTER = ("annotator", "state", "why", "until", "kind", "skills", "credentials", "vendor", "languages")


@click.group("annotators")
def verb() -> None:
    """Say who annotators are, whether they are at work, and how well they work."""


verb.add_command(time_worked.verb)


@verb.command("put")
@click.argument("annotator_id")
@click.option(
    "--kind", type=click.Choice(["human", "model"]), default="human", show_default=True, help="What they are."
)
@click.option("--skill", "skills", multiple=True, help="What units may ask for; may be given again.")
@click.option("--credential", "credentials", multiple=True, metavar="DOMAIN[=UNTIL]", help="Until: RFC 3339.")
@click.option("--vendor", default="", help="Whose annotator it is.")
@click.option("--language", "languages", multiple=True, help="May be given again.")
@speaks
def put(
    session: Session,
    annotator_id: str,
    kind: str,
    skills: tuple[str, ...],
    credentials: tuple[str, ...],
    vendor: str,
    languages: tuple[str, ...],
) -> None:
    """Define ANNOTATOR_ID, the subject of the annotator's own credential; as an operator."""
    certified = [
        Credential(domain, until or None)
        for domain, _, until in (credential.partition("=") for credential in credentials)
    ]
    with session.client() as concord:
        found = concord.define_annotator(
            annotator_id, kind=kind, skills=skills, credentials=certified, vendor=vendor, languages=languages
        )
    session.told(found, lambda: click.echo(f"{found.annotator_id}: {found.kind}, revision {found.revision}"))


@verb.command("show")
@click.argument("annotator_id")
@speaks
def show(session: Session, annotator_id: str) -> None:
    """Show ANNOTATOR_ID as last defined; as an operator."""
    with session.client() as concord:
        found = concord.annotator(annotator_id)
    session.told(found, lambda: show_table(ROSTER, [_row(found)]))


@verb.command("list")
@click.argument("project_id", default="")
@click.option("--state", type=click.Choice(STATES), help="Who is in this state.")
@click.option("--kind", type=click.Choice(["human", "model"]), help="Who is of this kind.")
@click.option("--skill", default="", help="Who has this skill, or is certified in it.")
@click.option("--language", default="", help="Who speaks it.")
@click.option("--vendor", default="", help="Whose they are.")
@click.option("--text", default="", help="A part of the name, or of the vendor's.")
@click.option("--limit", type=click.IntRange(min=1), help="So many at most; all if it is not given.")
@speaks
def listed(
    session: Session,
    project_id: str,
    state: str | None,
    kind: str | None,
    skill: str,
    language: str,
    vendor: str,
    text: str,
    limit: int | None,
) -> None:
    """List the roster, as an operator; with PROJECT_ID how well and how fast each works there."""
    sought = {"state": state or "", "kind": kind or "", "skill": skill, "language": language, "vendor": vendor}
    if project_id and (text or limit or any(sought.values())):
        raise click.UsageError("what a project's annotators do is listed whole; give PROJECT_ID or what is looked for")
    with session.client() as concord:
        if project_id:
            _work(session, concord, project_id)
        else:
            found = concord.roster(text=text, count_max=limit, **sought)
            session.each(found, lambda: show_table(ROSTER, map(_row, found)))


@verb.command("conduct")
@click.argument("project_id")
@speaks
def conduct(session: Session, project_id: str) -> None:
    """List against whom PROJECT_ID's rules of pace and skips hold now, and what came of it."""
    with session.client() as concord:
        found = concord.conduct(project_id)
    rows = [
        (person.annotator_id, held.rule, held.then, held.since, held.until, held.reason, _said(held))
        for person in found
        for held in person.rules
    ]
    session.each(found, lambda: show_table(("annotator", "rule", "then", "since", "until", "why", "they say"), rows))


def _said(held: HeldRule) -> str:
    return "" if held.appeal is None else f"{held.appeal.outcome}: {held.appeal.reason}"


@verb.command("rule")
@click.argument("project_id")
@click.argument("annotator_id")
@click.argument("rule", type=click.Choice(["pace", "skips"]))
@click.argument("outcome", type=click.Choice(["upheld", "declined"]))
@click.argument("reason")
@speaks
def rule(
    session: Session,
    project_id: str,
    annotator_id: str,
    rule: Literal["pace", "skips"],
    outcome: Literal["upheld", "declined"],
    reason: str,
) -> None:
    """Rule on what ANNOTATOR_ID says to RULE in PROJECT_ID: upheld, they go on; else it stands."""
    with session.client() as concord:
        found = concord.rule_conduct(project_id, annotator_id, rule, outcome, reason)
    session.told(found, lambda: click.echo(f"{found.annotator_id} is told: {found.outcome}"))


@verb.command("release")
@click.argument("project_id")
@click.argument("annotator_id")
@speaks
def release(session: Session, project_id: str, annotator_id: str) -> None:
    """Let ANNOTATOR_ID go on in PROJECT_ID, who broke a rule there; nothing before is held against them."""
    with session.client() as concord:
        found = concord.release(project_id, annotator_id)
    session.told(found, lambda: click.echo(f"{found.annotator_id} may go on"))


@verb.command("pause")
@click.argument("annotator_id")
@click.option("--reason", required=True, help="Why, as they are told it.")
@click.option("--until", default="", metavar="TIME", help="RFC 3339 with its offset; without it until it is ended.")
@speaks
def pause(session: Session, annotator_id: str, reason: str, until: str) -> None:
    """Offer ANNOTATOR_ID nothing new for a while; what they hold they may finish."""
    _put(session, annotator_id, "paused", reason, until)


@verb.command("retire")
@click.argument("annotator_id")
@click.option("--reason", required=True, help="Why, as they are told it.")
@speaks
def retire(session: Session, annotator_id: str, reason: str) -> None:
    """Offer ANNOTATOR_ID nothing new, and count on them for no unit."""
    _put(session, annotator_id, "retired", reason)


@verb.command("activate")
@click.argument("annotator_id")
@click.option("--reason", default="", help="Why, as they are told it.")
@speaks
def activate(session: Session, annotator_id: str, reason: str) -> None:
    """Have ANNOTATOR_ID at work, from whatever state leads there."""
    _put(session, annotator_id, "active", reason)


@verb.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@speaks
def imported(session: Session, file: Path) -> None:
    """Take a roster of CSV, row by row: annotator_id and any of kind, skills, credentials, vendor, languages, state.

    Several in one cell stand apart by |; a credential may say its end: law=2027-01-31T00:00:00Z. A column that is not
    there leaves what it is about as it is. What is refused is listed by line, with its cure; the status is 9 then.
    """
    with session.client() as concord:
        found = concord.import_annotators(file)
    session.told(found, lambda: _report(found))
    if found.refused or found.stopped:
        sys.exit(statuses.IN_PART)


def _report(found: RosterReport) -> None:
    click.echo(f"{found.changed} new or changed, {found.unchanged} as they were, {found.refused} refused")
    if found.refusals:
        show_table(("line", "column", "what is wrong", "cure"), [
            (refusal.line, refusal.field, refusal.problem, refusal.cure) for refusal in found.refusals
        ])  # fmt: skip
    if (stop := found.stopped) is not None:
        click.echo(f"reading ended at line {stop.line}: {stop.field} {stop.problem}; {stop.cure}")


def _put(session: Session, annotator_id: str, state: str, reason: str, until: str = "") -> None:
    with session.client() as concord:
        found = concord.put_state(annotator_id, state, reason=reason, until=until)
    text = f"{found.annotator_id} is {found.state}" + (f" until {found.state_until}" if found.state_until else "")
    session.told(found, lambda: click.echo(text))


def _row(annotator: Annotator) -> tuple[object, ...]:
    credentials = [
        f"{held.domain} until {held.expires_at}" if held.expires_at else held.domain for held in annotator.credentials
    ]
    return (
        annotator.annotator_id,
        annotator.state,
        annotator.state_reason,
        annotator.state_until,
        annotator.kind,
        ", ".join(annotator.skills),
        ", ".join(credentials),
        annotator.vendor,
        ", ".join(annotator.languages),
    )


def _work(session: Session, concord: Concord, project_id: str) -> None:
    found = concord.annotators(project_id).annotators
    rows = [
        (
            annotator_quality.annotator_id,
            annotator_quality.kind,
            annotator_quality.annotations,
            f"{annotator_quality.gold_correct}/{annotator_quality.gold_units}",
            interval(annotator_quality.accuracy),
            f"{annotator_quality.active_ms_median / 1_000:.1f} s" if annotator_quality.active_ms_median else "",
        )
        for annotator_quality in found
    ]
    columns = ("annotator", "kind", "annotations", "gold right", "accuracy", "median time")
    session.each(found, lambda: show_table(columns, rows))


def interval(found: Estimate) -> str:
    """Return a measure as it is shown: with its interval, or why there is none.

    >>> interval(Estimate(0.5, 0.25, 0.75, 10, "", ""))
    '0.500 [0.250, 0.750]'
    """
    return _interval(found, DIGITS)


def beside(found: Estimate, limit: float) -> tuple[str, str]:
    """Return a measure with its interval, and what it is held against: no figure reads as the limit that is not.

    >>> beside(Estimate(0.6, 0.15, 0.9497, 10, "", ""), 0.95)
    ('0.6000 [0.1500, 0.9497]', '0.95')
    """
    digits = digits_apart(_written, (found.low, found.value, found.high), limit, DIGITS)
    return _interval(found, digits), _written(limit, digits).rstrip("0").rstrip(".")


def _interval(found: Estimate, digits: int) -> str:
    if found.value is None:
        return found.reason
    if found.low is None or found.high is None:
        return _written(found.value, digits)
    return f"{_written(found.value, digits)} [{_written(found.low, digits)}, {_written(found.high, digits)}]"


def _written(figure: float | None, digits: int) -> str:
    return "" if figure is None else f"{figure:.{digits}f}"
