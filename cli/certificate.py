"""`concord certificate`: a project's, or a lot's with its ledger."""

from pathlib import Path

import click

from cli.session import Session, speaks

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("certificate")
@click.argument("project_id", default="")
@click.option("--lot", "lot_id", default="", help="Of this lot, in place of a project's.")
@click.option("--issue", type=click.IntRange(min=1), help="Number of the project's; else over all accepted by now.")
@click.option("--output", type=FILE, required=True, help="Where it is written, to the byte.")
@click.option("--ledger", type=FILE, help="Where the lot's ledger is written, for `concord replay`.")
@speaks
def verb(session: Session, project_id: str, lot_id: str, issue: int | None, output: Path, ledger: Path | None) -> None:
    """Fetch the signed certificate of PROJECT_ID, or of a lot."""
    if bool(project_id) == bool(lot_id):
        raise click.UsageError("say which: a project's id, or --lot")
    if ledger is not None and not lot_id:
        raise click.UsageError("a ledger is of a lot: say --lot")
    with session.client() as concord:
        output.write_bytes(concord.lot_certificate(lot_id) if lot_id else concord.certificate(project_id, issue))
        if ledger is not None:
            concord.lot_ledger(lot_id, ledger)
    written = [str(path) for path in (output, ledger) if path is not None]
    session.told({"written": written}, lambda: click.echo(f"written: {', '.join(written)}"))
