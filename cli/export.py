"""`concord export`: fetch a snapshot of accepted labels in any format, and go on where a transfer broke off."""

from pathlib import Path

import click

from cli.session import Session, speaks
from concord.client import Damaged
from concord.client.exports import WITHDRAWALS, Exported

FORMATS = ("jsonl", "csv", "parquet", "datasets", "label-studio", "coco", "conll", "preference-pairs")


@click.command("export")
@click.argument("project_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--url", help="Where audit answers, if not where it is known to.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True, help="Of the file.")
@click.option(
    "--rows", type=click.Choice(["units", "annotations"]), default="units", show_default=True, help="A row each."
)
@click.option("--data", is_flag=True, help="With what was labelled.")
@click.option("--duplicates", is_flag=True, help="With the units that another of the same content stands for.")
@click.option("--issue", type=int, help="Number of the certificate; without it, over all that is accepted by now.")
@speaks
def verb(
    session: Session,
    project_id: str,
    folder: Path,
    url: str | None,
    form: str,
    rows: str,
    data: bool,
    duplicates: bool,
    issue: int | None,
) -> None:
    """Export the accepted labels of PROJECT_ID into FOLDER, with manifest and certificate.

    Said again, what is there already and right is not fetched again: so a transfer that broke off is taken up.
    """
    with session.client(audit=url) as concord:
        found = concord.export(
            project_id, folder, form=form, rows=rows, data=data, duplicates=duplicates, issue=issue, check=_check
        )
    session.told(found.manifest, lambda: _show(found))


def _check(document: bytes) -> None:
    """Hold the manifest's signature before anything is fetched by it.

    Raises:
        Damaged: it was changed since it was signed.
    """
    try:
        from services.audit.domain.signing import CertificateBroken  # noqa: PLC0415 - of the extra `verify`
        from services.audit.domain.verification import verify_manifest  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        # Without it `concord verify` is not there either; the files' digests are held all the same.
        return
    try:
        verify_manifest(document, [])
    except CertificateBroken as broken:
        raise Damaged(str(broken)) from broken


def _show(found: Exported) -> None:
    manifest, kept = found.manifest, len(found.files) - found.fetched
    click.echo(f"{manifest.rows} rows in {len(found.files)} files ({kept} were there): {found.folder}")
    if (found.folder / WITHDRAWALS).exists():
        click.echo(f"units were erased since they were certified: {WITHDRAWALS} tells which lines are missing")
    for reason, count in manifest.left_out.items():
        click.echo(f"{count} left out: {reason}")
