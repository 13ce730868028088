"""`concord projects`: define, list and show."""

from pathlib import Path

import click
import msgspec

from cli.session import Session, console, json_file, show_table, speaks
from concord.client.models import Project

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("projects")
def verb() -> None:
    """Define, list and show projects."""


@verb.command("put")
@click.argument("slug")
@click.argument("definition", type=FILE)
@click.option("--guideline", type=FILE, help="A file of the guideline's text, in place of the definition's.")
@speaks
def put(session: Session, slug: str, definition: Path, guideline: Path | None) -> None:
    """Define the project SLUG from a file of JSON, or define it anew; the same again changes nothing.

    DEFINITION holds label_schema and, as you like, name, guideline, policy and targets: docs/guide/policy.md.
    """
    said = json_file(definition)
    if not isinstance(said, dict):
        raise click.UsageError(f"{definition} holds no JSON object; see docs/guide/policy.md")
    if guideline is not None:
        said["guideline"] = guideline.read_text()
    with session.client() as concord:
        found = concord.define_project(slug, said)
    told = f"{found.project_id}: revision {found.revision}, guideline version {found.guideline_version}"
    session.told(found, lambda: click.echo(told))


@verb.command("list")
@speaks
def listed(session: Session) -> None:
    """List your projects."""
    with session.client() as concord:
        found = concord.projects()
    rows = [(one.project_id, one.name, one.label_schema.get("kind"), one.guideline_version) for one in found]
    session.each(found, lambda: show_table(("project", "name", "labels", "guideline"), rows))


@verb.command("show")
@click.argument("project_id")
@speaks
def show(session: Session, project_id: str) -> None:
    """Show PROJECT_ID whole: what the definition left out stands there with its default."""
    with session.client() as concord:
        found = concord.project(project_id)
    session.told(found, lambda: _show(found))


def _show(found: Project) -> None:
    console().print_json(msgspec.json.encode(found).decode())
