"""`concord report`: a project's quality as one HTML file, with its plots, that needs no network to be looked at."""

from pathlib import Path

import click

from cli.session import Session, speaks

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("report")
@click.argument("project_id")
@click.option("--output", type=FILE, default=Path("report.html"), show_default=True, help="Where it is written.")
@speaks
def verb(session: Session, project_id: str, output: Path) -> None:
    """Write the report of PROJECT_ID as of now: agreement, accuracy, pairs, fatigue, drift, bias, cost."""
    with session.client() as concord:
        output.write_bytes(concord.report(project_id))
    session.told({"written": [str(output)]}, lambda: click.echo(f"written: {output}"))
