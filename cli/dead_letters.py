"""`concord dead-letters`: records that a service could not take, and sending one again."""

import click

from cli.session import Session, show_table, speaks

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")


@click.group("dead-letters")
def verb() -> None:
    """List records that could not be taken, and send one again; for operators bound to no client."""


@verb.command("list")
@click.option("--service", type=click.Choice(SERVICES), help="Of the topics that this one writes; of all if left out.")
@click.option("--topic", default="", help="Of this topic alone.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Of each service.")
@speaks
def listed(session: Session, service: str | None, topic: str, limit: int) -> None:
    """List them, the newest first of each service, with where each lies and why it could not be taken."""
    with session.client() as concord:
        found = [(name, concord.dead_letters(name, topic, limit)) for name in ([service] if service else SERVICES)]
    rows = [
        (sender, dead.letter_id, f"{dead.topic}[{dead.partition}]@{dead.offset}", dead.service, dead.error, dead.reason,
         dead.set_aside_at, dead.replayed_at)
        for sender, letters in found for dead in letters
    ]  # fmt: skip
    columns = ("from", "letter", "record", "could not take it", "error", "reason", "since", "sent again")
    session.each([dead for _, letters in found for dead in letters], lambda: show_table(columns, rows))


@verb.command("replay")
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("letter_id")
@speaks
def replay(session: Session, service: str, letter_id: str) -> None:
    """Have SERVICE, which writes the topic, send LETTER_ID once more. Mend the cause first."""
    with session.client() as concord:
        found = concord.replay_dead_letter(service, letter_id)
    text = f"{found.letter_id}: sent to {found.topic}[{found.partition}] again at {found.replayed_at}"
    session.told(found, lambda: click.echo(text))
