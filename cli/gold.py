"""`concord gold`: known labels that good annotators disagree with, what may become one, and how much is left."""

from typing import Literal

import click

from cli.session import Session, json_of, show_table, speaks, text_of
from concord.client.gold import GoldStock
from concord.client.models import Json


@click.group("gold")
def verb() -> None:
    """Rule on known labels in doubt, make more of what was resolved, see what is left (adjudicators, operators)."""


@verb.command("doubts")
@click.argument("project_id")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 2_000), help="So many at most.")
@speaks
def doubts(session: Session, project_id: str, limit: int) -> None:
    """List gold of PROJECT_ID in doubt: what it is known as, and what most good annotators say.

    And gold of a class that was retired or split: correct it to a label that is offered now, or retire it.
    It measures nobody and is shown to nobody until somebody who did not answer it has ruled.
    """
    with session.client() as concord:
        found = [(doubt, concord.payload(doubt.payload_url)) for doubt in concord.gold_in_doubt(project_id, limit)]
    rows = [
        (
            doubt.unit_id,
            doubt.known_label,
            "; ".join(f"{text_of(gold.label)} ×{gold.annotators}" for gold in doubt.said),
            f"closed in version {doubt.closed_since}" if doubt.closed_since else f"{doubt.disagreeing}/{doubt.good}",
            content,
        )
        for doubt, content in found
    ]
    entries = [
        {
            "unit_id": doubt.unit_id,
            "known_label": doubt.known_label,
            "said": doubt.said,
            "good": doubt.good,
            "disagreeing": doubt.disagreeing,
            "share_low": doubt.share_low,
            "flagged_at": doubt.flagged_at,
            "closed_since": doubt.closed_since,
            "content": content,
        }
        for doubt, content in found
    ]
    session.each(entries, lambda: show_table(("unit", "known as", "said", "disagree", "content"), rows))


@verb.command("confirm")
@click.argument("unit_id")
@click.option("--reason", required=True, help="Is kept with it.")
@speaks
def confirm(session: Session, unit_id: str, reason: str) -> None:
    """Say that UNIT_ID's known label is right: answers count by it again."""
    _rule(session, unit_id, "confirmed", reason)


@verb.command("correct")
@click.argument("unit_id")
@click.argument("label")
@click.option("--reason", required=True, help="Is kept with it.")
@speaks
def correct(session: Session, unit_id: str, label: str, reason: str) -> None:
    """Say that UNIT_ID is LABEL: JSON, a file of it after an @, or a plain text. All past answers are judged by it."""
    _rule(session, unit_id, "corrected", reason, json_of(label, "label"))


@verb.command("retire")
@click.argument("unit_id")
@click.option("--reason", required=True, help="Is kept with it.")
@speaks
def retire(session: Session, unit_id: str, reason: str) -> None:
    """Let UNIT_ID measure nobody any more: it has no label that all who know would give."""
    _rule(session, unit_id, "retired", reason)


@verb.command("stock")
@click.argument("project_id")
@speaks
def stock(session: Session, project_id: str) -> None:
    """Tell how much gold of PROJECT_ID may still be shown, and for how long that lasts."""
    with session.client() as concord:
        found = concord.gold_stock(project_id)
    session.told(found, lambda: click.echo(_stock_line(found)))


def _stock_line(found: GoldStock) -> str:
    line = f"{found.usable} of {found.units} usable; {found.spent} met by as many as may, {found.stale} stale"
    if found.annotators_without:
        line += f"; {found.annotators_without} annotators are to qualify and have none left"
    if found.showings_left is None:
        return line
    lasts = "" if found.days_left is None else f", about {found.days_left:.1f} days at {found.shown_a_day:.0f} a day"
    return f"{line}; {found.showings_left} showings left{lasts}"


@verb.command("candidates")
@click.argument("project_id")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100), help="So many at most.")
@speaks
def candidates(session: Session, project_id: str, limit: int) -> None:
    """List resolved units of PROJECT_ID that may become gold: sure and unanimous ones, and rulings.

    Those of classes with the fewest known labels come first. What you had a part in is not among them.
    """
    with session.client() as concord:
        found = [
            (gold_candidate, concord.payload(gold_candidate.payload_url))
            for gold_candidate in concord.gold_candidates(project_id, limit)
        ]
    rows = [
        (
            gold_candidate.unit_id,
            gold_candidate.label,
            gold_candidate.method,
            gold_candidate.annotations,
            f"{gold_candidate.confidence:.3f}",
            gold_candidate.known_alike,
            content,
        )
        for gold_candidate, content in found
    ]
    entries = [
        {
            "unit_id": gold_candidate.unit_id,
            "label": gold_candidate.label,
            "method": gold_candidate.method,
            "annotations": gold_candidate.annotations,
            "confidence": gold_candidate.confidence,
            "reason": gold_candidate.reason,
            "resolved_at": gold_candidate.resolved_at,
            "known_alike": gold_candidate.known_alike,
            "content": content,
        }
        for gold_candidate, content in found
    ]
    heads = ("unit", "label", "by", "labels", "sure", "known alike", "content")
    session.each(entries, lambda: show_table(heads, rows))


@verb.command("adopt")
@click.argument("unit_id")
@click.option("--reason", required=True, help="Is kept with it.")
@speaks
def adopt(session: Session, unit_id: str, reason: str) -> None:
    """Make gold of UNIT_ID, a candidate: it measures whoever had no part in it."""
    _decide(session, unit_id, "confirmed", reason)


@verb.command("decline")
@click.argument("unit_id")
@click.option("--reason", required=True, help="Is kept with it.")
@speaks
def decline(session: Session, unit_id: str, reason: str) -> None:
    """Let UNIT_ID, a candidate, be listed no more."""
    _decide(session, unit_id, "declined", reason)


def _decide(session: Session, unit_id: str, outcome: Literal["confirmed", "declined"], reason: str) -> None:
    with session.client() as concord:
        found = concord.decide_candidate(unit_id, outcome, reason)
    session.told(found, lambda: click.echo(f"{found.status}: {found.outcome}"))


def _rule(
    session: Session,
    unit_id: str,
    outcome: Literal["confirmed", "corrected", "retired"],
    reason: str,
    label: Json = None,
) -> None:
    with session.client() as concord:
        found = concord.rule_gold(unit_id, outcome, reason, label)
    session.told(found, lambda: click.echo(f"{found.status}: {found.outcome}"))
