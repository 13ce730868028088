"""`concord annotate conduct`: what holds against an annotator by a project's rules, and their answer to it."""

from typing import Literal

import click

from cli.session import Session, show_table, speaks
from concord.client.conduct import HeldRule

SECOND_MS = 1_000
HEAD = ("rule", "then", "since", "until", "why", "evidence", "appeal", "word on it")


@click.command("conduct")
@click.argument("project_id")
@speaks
def verb(session: Session, project_id: str) -> None:
    """Show what holds against you in PROJECT_ID, by what evidence and until when, and answers to your appeals."""
    with session.client() as concord:
        found = concord.own_conduct(project_id)

    def show() -> None:
        show_table(HEAD, [_row(held) for held in (*found.rules, *found.answers)])

    session.told(found, show)


@click.command("appeal-conduct")
@click.argument("project_id")
@click.argument("rule", type=click.Choice(["pace", "skips"]))
@click.argument("reason")
@speaks
def appeal(session: Session, project_id: str, rule: Literal["pace", "skips"], reason: str) -> None:
    """Say, once, why RULE should not hold against you in PROJECT_ID: its lead reads your REASON and rules."""
    with session.client() as concord:
        found = concord.appeal_conduct(project_id, rule, reason)
    session.told(found, lambda: click.echo(found.appeal.outcome if found.appeal is not None else "open"))


def _row(held: HeldRule) -> tuple[str, ...]:
    times = " ".join("skipped" if ms is None else f"{ms / SECOND_MS:.1f}" for ms in held.times_ms)
    outcome, ruling = ("", "") if held.appeal is None else (held.appeal.outcome, held.appeal.ruling)
    return held.rule, held.then, held.since, held.until, held.reason, times, outcome, ruling
