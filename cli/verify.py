"""`concord verify`: hold a certificate and its export against each other, offline."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from services.audit.domain.certificate import CertificateBroken
from services.audit.domain.certificate import verify as verified

PLAIN_COLUMNS = 120
"""Where no terminal tells how wide it is."""
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("certificate", type=EXISTING)
@click.argument("export", type=EXISTING, nargs=-1, required=True)
@click.option(
    "--public-key",
    default="",
    metavar="BASE64",
    help="The key you trust, as `GET /v1/keys` of audit shows it. Without it the certificate's own key is taken, "
    "which proves that nothing was changed since it was signed, and not by whom.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificate's statement as JSON.")
def verify(certificate: Path, export: tuple[Path, ...], public_key: str, as_json: bool) -> None:
    """Verify a CERTIFICATE and the EXPORT files that it claims.

    Exit status 0: the signature holds and every file is byte for byte what was certified. 1: not so, with the reason.
    """
    try:
        said = verified(certificate.read_bytes(), [path.read_bytes() for path in export], public_key)
    except CertificateBroken as broken:
        click.echo(f"NOT VERIFIED: {broken}", err=True)
        raise SystemExit(1) from broken
    if as_json:
        click.echo(json.dumps(said, indent=2))
    else:
        _show(said)


def _show(said: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
    console.print(f"VERIFIED: project {said['project_id']}, issued {said['issued_at']}", highlight=False)
    console.print(f"signed with {said['key']['algorithm']} {said['key']['public_key']}", highlight=False)
    table = Table("lot", "units", "inspected", "wrong", "label error rate of what leaves", "alpha", "annotators")
    for lot in said["lots"]:
        rate, agreement = lot["label_error_rate"], lot["agreement"]
        table.add_row(
            f"{lot['lot_id'][:14]}…",
            str(lot["units"]),
            str(lot["inspected"]),
            str(lot["errors_found"]),
            _interval(rate),
            _interval(agreement),
            str(lot["annotators"]),
        )
    console.print(table)


def _interval(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return "undefined"
    if estimate["low"] is None or estimate["high"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"
