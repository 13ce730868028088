"""`concord annotators`: who they are, and how well they work."""

import click

from cli.session import Session, show_table, speaks
from concord.client.models import Estimate
from concord.client.work import Credential


@click.group("annotators")
def verb() -> None:
    """Say who annotators are, and how well they work."""


@verb.command("put")
@click.argument("annotator_id")
@click.option("--kind", type=click.Choice(["human", "model"]), default="human", show_default=True)
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
    certified = [Credential(domain, until or None) for domain, _, until in (one.partition("=") for one in credentials)]
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
    row = (found.annotator_id, found.kind, ", ".join(found.skills), found.vendor, ", ".join(found.languages))
    session.told(found, lambda: show_table(("annotator", "kind", "skills", "vendor", "languages"), [row]))


@verb.command("list")
@click.argument("project_id")
@speaks
def listed(session: Session, project_id: str) -> None:
    """List how well and how fast each annotator of PROJECT_ID works."""
    with session.client() as concord:
        found = concord.annotators(project_id).annotators
    rows = [
        (
            one.annotator_id,
            one.kind,
            one.annotations,
            f"{one.gold_correct}/{one.gold_units}",
            interval(one.accuracy),
            f"{one.active_ms_median / 1_000:.1f} s" if one.active_ms_median else "",
        )
        for one in found
    ]
    columns = ("annotator", "kind", "annotations", "gold right", "accuracy", "median time")
    session.each(found, lambda: show_table(columns, rows))


def interval(found: Estimate) -> str:
    """Return a measure as it is shown: with its interval, or why there is none.

    >>> interval(Estimate(0.5, 0.25, 0.75, 10, "", ""))
    '0.500 [0.250, 0.750]'
    """
    if found.value is None:
        return found.reason
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
