"""`concord webhooks`: who is told what happens in a project, and what became of what they were to be told."""

import click

from cli.session import Session, show_table, speaks
from concord.client.webhooks import Delivery, Webhook

DELIVERIES = ("delivery", "event", "status", "attempts", "last", "last at", "next at")


@click.group("webhooks")
def verb() -> None:
    """Have a server of yours told what happens in a project; send dead letters again."""


@verb.command("list")
@click.argument("project_id")
@speaks
def listed(session: Session, project_id: str) -> None:
    """List the webhooks of PROJECT_ID, without their secrets."""
    with session.client() as concord:
        found = concord.webhooks(project_id)
    rows = [
        (webhook.webhook_id, webhook.url, ", ".join(webhook.events), webhook.registered_at, webhook.left_out_at)
        for webhook in found
    ]
    session.each(found, lambda: show_table(("webhook", "address", "events", "since", "left out at"), rows))


@verb.command("add")
@click.argument("project_id")
@click.argument("url")
@click.option("--event", "events", multiple=True, help="A type of event; may be given again. All if there is none.")
@speaks
def add(session: Session, project_id: str, url: str, events: tuple[str, ...]) -> None:
    """Have URL told what happens in PROJECT_ID. Its secret is shown here and never again."""
    with session.client() as concord:
        _with_secret(session, concord.add_webhook(project_id, url, events))


@verb.command("change")
@click.argument("project_id")
@click.argument("webhook_id")
@click.option("--url", default="", help="Another address; what waits goes there.")
@click.option("--event", "events", multiple=True, help="A type of event, in place of those before; may be given again.")
@speaks
def change(session: Session, project_id: str, webhook_id: str, url: str, events: tuple[str, ...]) -> None:
    """Give WEBHOOK_ID another address, or have it told of other events."""
    if not url and not events:
        raise click.UsageError("nothing is to be changed; give --url, --event or both")
    with session.client() as concord:
        found = concord.change_webhook(project_id, webhook_id, url=url, events=events)
    session.told(found, lambda: click.echo(f"{found.webhook_id}: {found.url}, {', '.join(found.events)}"))


@verb.command("remove")
@click.argument("project_id")
@click.argument("webhook_id")
@click.option("--yes", is_flag=True, help="Do not ask: what waits for it is given up.")
@speaks
def remove(session: Session, project_id: str, webhook_id: str, yes: bool) -> None:
    """Tell WEBHOOK_ID no more; what waits for it, and its dead letters, are given up."""
    if not yes:
        click.confirm(f"What waits for {webhook_id} is given up. Remove it?", abort=True, err=True)
    with session.client() as concord:
        found = concord.remove_webhook(project_id, webhook_id)
    session.told(found, lambda: click.echo(f"{found.webhook_id} is removed"))


@verb.command("rotate")
@click.argument("project_id")
@click.argument("webhook_id")
@speaks
def rotate(session: Session, project_id: str, webhook_id: str) -> None:
    """Make WEBHOOK_ID a new secret, shown here and never again; the one before signs, too, for a day."""
    with session.client() as concord:
        _with_secret(session, concord.rotate_webhook(project_id, webhook_id))


@verb.command("test")
@click.argument("project_id")
@click.argument("webhook_id")
@speaks
def attempt(session: Session, project_id: str, webhook_id: str) -> None:
    """Send a `webhook.test` to WEBHOOK_ID; `deliveries --id` tells what became of it."""
    with session.client() as concord:
        found = concord.try_webhook(project_id, webhook_id)
    session.told(found, lambda: show_table(DELIVERIES, [_row(found)]))


@verb.command("deliveries")
@click.argument("project_id")
@click.argument("webhook_id")
@click.option("--status", type=click.Choice(["waiting", "dead"]), help="Only these.")
@click.option("--id", "delivery_id", default="", help="This one, whatever became of it.")
@speaks
def deliveries(session: Session, project_id: str, webhook_id: str, status: str | None, delivery_id: str) -> None:
    """List what waits for WEBHOOK_ID, and its dead letters, with how the last attempt ended."""
    with session.client() as concord:
        if delivery_id:
            found = [concord.delivery(project_id, webhook_id, delivery_id)]
        else:
            found = concord.deliveries(project_id, webhook_id, status=status or "")
    session.each(found, lambda: show_table(DELIVERIES, map(_row, found)))


@verb.command("resend")
@click.argument("project_id")
@click.argument("webhook_id")
@click.argument("delivery_ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every dead letter of it.")
@speaks
def resend(session: Session, project_id: str, webhook_id: str, delivery_ids: tuple[str, ...], every: bool) -> None:
    """Send dead letters of WEBHOOK_ID once more, under the same ids."""
    if every == bool(delivery_ids):
        raise click.UsageError("name the deliveries, or give --all; `concord webhooks deliveries` lists them")
    with session.client() as concord:
        dead = (
            [delivery.delivery_id for delivery in concord.deliveries(project_id, webhook_id, status="dead")]
            if every
            else []
        )
        found = [concord.resend_delivery(project_id, webhook_id, delivery_id) for delivery_id in delivery_ids or dead]
    session.each(found, lambda: show_table(DELIVERIES, map(_row, found)))


def _with_secret(session: Session, found: Webhook) -> None:
    def show() -> None:
        click.echo(f"{found.webhook_id}: {found.url}")
        click.echo(f"secret, shown once: {found.secret}")

    session.told(found, show)


def _row(delivery: Delivery) -> tuple[object, ...]:
    return (
        delivery.delivery_id,
        delivery.event_type,
        delivery.status,
        delivery.attempts,
        delivery.last,
        delivery.last_at,
        delivery.next_at,
    )
