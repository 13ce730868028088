"""`concord import`: send a file of units, in parts; broken off, the same command goes on."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from cli import statuses
from cli.projects import FILE
from cli.session import Session, console, show_table, speaks
from concord.client import Columns, Concord
from concord.client.models import Import, Report
from concord.client.units import MEDIA_TYPES, RESUMABLE

REFUSED_SHOWN_MAX = 20
GUESSED = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "units",
    ".ndjson": "units",
    ".manifest": "sagemaker",
    ".parquet": "parquet",
    ".zip": "folder",
}


@click.command("import")
@click.argument("project_id")
@click.argument("file", type=FILE)
@click.option("--format", "form", type=click.Choice(list(MEDIA_TYPES)), help="Without it, what the file's name says.")
@click.option("--id", "id_", default="", metavar="COLUMN", help="The column of your own ids.")
@click.option("--content", default="", metavar="COLUMNS", help="The columns of what is labelled, by comma.")
@click.option("--gold", default="", metavar="COLUMN", help="The column of known labels.")
@click.option("--suggestion", default="", metavar="COLUMN", help="The column of a model's labels.")
@click.option("--media-type", default="", metavar="TYPE", help="Of the contents: text/plain, image/png, …")
@click.option("--base-uri", default="", metavar="URI", help="Before each content that is a path.")
@click.option("--name", "import_name", default="", help="Of the import; without it, it follows from the file.")
@click.option("--seal", is_flag=True, help="Cut what waits into lots at the end: nothing more comes.")
@click.option("--quiet", is_flag=True, help="Without a progress bar.")
@speaks
def verb(
    session: Session,
    project_id: str,
    file: Path,
    form: str | None,
    id_: str,
    content: str,
    gold: str,
    suggestion: str,
    media_type: str,
    base_uri: str,
    import_name: str,
    seal: bool,
    quiet: bool,
) -> None:
    """Send the units of FILE to PROJECT_ID.

    A unit whose id is known already is not taken twice. Broken off, the same command goes on where the service is;
    `.gz` is unpacked. What each format means: docs/imports.md. Exit status 9: lines were refused, and are listed with
    field and cure; the rest is in.
    """
    form = form or guessed(file)
    columns = Columns(
        id=id_, content=content, gold=gold, suggestion=suggestion, media_type=media_type, base_uri=base_uri
    )
    with session.client() as concord:
        found: Import | Report
        if form in RESUMABLE:
            found = _in_parts(concord, project_id, file, form, import_name, columns, quiet=quiet or session.as_json)
        else:
            found = concord.send_file(project_id, file, form=form, columns=columns)
        lots = concord.seal(project_id).lots if seal else 0
    session.told(found, lambda: _show(found, lots, seal=seal))
    if found.refused_count or (isinstance(found, Report) and found.stopped):
        sys.exit(statuses.IN_PART)


def guessed(file: Path) -> str:
    """Return the format that a file's name says.

    >>> guessed(Path("units.csv.gz"))
    'csv'
    >>> guessed(Path("UNITS.TSV"))
    'csv'
    """
    name = Path(file.name.lower().removesuffix(".gz"))
    if name.suffix not in GUESSED:
        raise click.UsageError(f"What format {file} has, its name does not say; add --format {'|'.join(MEDIA_TYPES)}")
    return GUESSED[name.suffix]


def _in_parts(
    concord: Concord, project_id: str, file: Path, form: str, name: str, columns: Columns, *, quiet: bool
) -> Import:
    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        console=console(stderr=True), disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
    total = None if file.suffix == ".gz" else file.stat().st_size
    with bar:
        task = bar.add_task(file.name, total=total)

        def on_progress(at: Import) -> None:
            bar.update(task, completed=at.offset, description=f"{file.name}: {at.admitted} admitted")

        more: dict[str, Any] = {"form": form, "name": name, "columns": columns}
        return concord.import_file(project_id, file, on_progress=on_progress, **more)


def _show(found: Import | Report, lots: int, *, seal: bool) -> None:
    counts = f"{found.admitted} admitted, {found.repeated} repeated, {found.duplicate_of} duplicates"
    click.echo(f"{counts}, {found.left_out} left out, {found.refused_count} refused")
    for refusals, count, what in (
        (found.refused, found.refused_count, "refused"),
        (found.cautions, found.caution_count, "taken, and to be looked at"),
    ):
        if refusals:
            click.echo(f"{what}, {min(count, REFUSED_SHOWN_MAX)} of {count}:")
            rows = [
                (refusal.line, refusal.field, refusal.problem, refusal.cure)
                for refusal in sorted(refusals, key=lambda refusal: refusal.line)[:REFUSED_SHOWN_MAX]
            ]
            show_table(("line", "field", "problem", "cure"), rows)
    if isinstance(found, Report) and found.stopped is not None:
        click.echo(f"stopped at line {found.stopped.line}: {found.stopped.problem}; {found.stopped.cure}")
    if seal:
        click.echo(f"{lots} lots cut")
