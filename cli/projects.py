"""`concord projects`: define, list and show; pause, resume and close; who changed what; versions of the schema."""

from pathlib import Path

import click
import msgspec

from cli.session import Session, console, json_file, show_table, speaks
from concord.client import Concord
from concord.client.models import Json, Project

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("projects")
def verb() -> None:
    """Define, list and show projects; pause, resume and close them; show who changed what."""


@verb.command("put")
@click.argument("slug")
@click.argument("definition", type=FILE)
@click.option("--guideline", type=FILE, help="A file of the guideline's text, in place of the definition's.")
@click.option("--yes", is_flag=True, help="Do not ask: what a definition leaves out goes back to its default.")
@speaks
def put(session: Session, slug: str, definition: Path, guideline: Path | None, yes: bool) -> None:
    """Define the project SLUG from a file of JSON, or define it anew; the same again changes nothing.

    Of a project that is there it first shows what would change, and asks.

    DEFINITION holds label_schema and, as you like, name, guideline, policy and targets: docs/guide/policy.md. Where its
    classes change, schema_change says what becomes of them: docs/guide/schemas.md.
    """
    body = definition_in(definition)
    if guideline is not None:
        body["guideline"] = guideline.read_text()
    with session.client() as concord:
        found = put_asked(concord, slug, body, yes=yes)
    text = f"{found.project_id}: revision {found.revision}, guideline version {found.guideline_version}"
    session.told(found, lambda: _put(found, text))


@verb.command("list")
@click.option("--life", type=click.Choice(["open", "paused", "closed"]), default=None, help="Only those that are so.")
@speaks
def listed(session: Session, life: str | None) -> None:
    """List your projects."""
    with session.client() as concord:
        found = concord.projects(life=life or "")
    rows = [
        (project.project_id, project.name, project.label_schema.get("kind"), project.guideline_version)
        for project in found
    ]
    session.each(found, lambda: show_table(("project", "name", "labels", "guideline"), rows))


@verb.command("show")
@click.argument("project_id")
@speaks
def show(session: Session, project_id: str) -> None:
    """Show PROJECT_ID whole: what the definition left out stands there with its default."""
    with session.client() as concord:
        found = concord.project(project_id)
    session.told(found, lambda: _show(found))


@verb.command("pause")
@click.argument("project_id")
@click.option("--reason", default="", help="Why, as annotators and your colleagues will read it.")
@speaks
def pause(session: Session, project_id: str, reason: str) -> None:
    """Pause PROJECT_ID: nothing more is given out or taken in until it is resumed."""
    with session.client() as concord:
        _told(session, concord.pause_project(project_id, reason))


@verb.command("resume")
@click.argument("project_id")
@speaks
def resume(session: Session, project_id: str) -> None:
    """Resume PROJECT_ID: all goes on where it was."""
    with session.client() as concord:
        _told(session, concord.resume_project(project_id))


@verb.command("close")
@click.argument("project_id")
@click.option("--reason", default="", help="Why, as annotators and your colleagues will read it.")
@click.option("--yes", is_flag=True, help="Do not ask: a closed project is never opened again.")
@speaks
def close(session: Session, project_id: str, reason: str, yes: bool) -> None:
    """Close PROJECT_ID, for good: what was begun is settled, and nothing new is taken."""
    if not yes:
        click.confirm(f"{project_id} cannot be opened again. Close it?", abort=True)
    with session.client() as concord:
        _told(session, concord.close_project(project_id, reason))


@verb.command("changes")
@click.argument("project_id")
@speaks
def changes(session: Session, project_id: str) -> None:
    """Show who changed what of PROJECT_ID, and when, oldest first."""
    with session.client() as concord:
        found = concord.changes(project_id)
    columns = ("revision", "at", "by", "field", "before", "after")
    rows = [
        (change.revision, change.at, change.by, change.field, _short(change.before), _short(change.after))
        for change in found
    ]
    session.each(found, lambda: show_table(columns, rows))


@verb.command("schemas")
@click.argument("project_id")
@click.option("--version", type=click.IntRange(min=1), help="Show this version: what it offers, and by which steps.")
@speaks
def schemas(session: Session, project_id: str, version: int | None) -> None:
    """List the versions of PROJECT_ID's label schema, or show one.

    A new one is made by `concord projects put` with schema_change: docs/guide/schemas.md.
    """
    with session.client() as concord:
        if version is not None:
            schema_version = concord.schema(project_id, version)
            session.told(schema_version, lambda: console().print_json(msgspec.json.encode(schema_version).decode()))
            return
        found = concord.schemas(project_id)
    rows = [(schema.version, schema.revision, schema.at, schema.by, schema.steps) for schema in found]
    session.each(found, lambda: show_table(("version", "revision", "at", "by", "steps"), rows))


def definition_in(file: Path) -> dict[str, Json]:
    """Return the definition of a project in a file of JSON."""
    definition = json_file(file)
    if not isinstance(definition, dict):
        raise click.UsageError(f"{file} holds no JSON object; see docs/guide/policy.md")
    return definition


def put_asked(concord: Concord, slug: str, entry: dict[str, Json], *, yes: bool) -> Project:
    """Put a definition; where it changes a project that is there, show what, and ask first, beside the answer.

    What is put then is what was shown: somebody else's change in between is refused (409).
    """
    if not yes:
        tried = concord.define_project(slug, entry, dry_run=True)
        if tried.changed:
            before, after = (msgspec.to_builtins(project) for project in (concord.project(tried.project_id), tried))
            for field in tried.changed:
                click.echo(f"{field}: {_short(_at(before, field))} -> {_short(_at(after, field))}", err=True)
            click.confirm(f"Change {tried.project_id}?", abort=True, err=True)
            entry = {"revision": tried.revision - 1, **entry}
    return concord.define_project(slug, entry)


def _at(shown: dict[str, Json], field: str) -> Json:
    """Return what a project says at a field, as `policy.gold.rate`.

    >>> _at({"policy": {"gold": {"rate": 0.1}}}, "policy.gold.rate")
    0.1
    """
    found: Json = shown
    for step in field.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


VALUE_CHARACTERS = 60


def _short(value: Json) -> str:
    """Return a value as it fits into a column; --json prints it whole."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"


def _told(session: Session, found: Project) -> None:
    reason = f": {found.life_reason}" if found.life_reason else ""
    session.told(found, lambda: click.echo(f"{found.project_id} is {found.life}{reason}"))


def _put(found: Project, text: str) -> None:
    click.echo(text)
    if found.changed:
        click.echo(f"changed: {', '.join(found.changed)}")
    if "policy.privacy.treatments" in (found.changed or ()):
        privacy = found.policy["privacy"]
        treated = ", ".join(sorted(privacy["treatments"])) if isinstance(privacy, dict) else ""
        click.echo(
            f"From now on these kinds of personal data are replaced: {treated or 'none'}. Others are kept as sent; "
            f"concord projects changes {found.project_id} shows what it was.",
            err=True,
        )


def _show(found: Project) -> None:
    console().print_json(msgspec.json.encode(found).decode())
