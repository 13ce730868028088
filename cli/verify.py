"""`concord verify`: hold a certificate and its export against each other, offline."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cli.session import console, table_of
from cli.statuses import BROKEN, NOBODY_VOUCHES
from concord.client.exports import WITHDRAWALS
from concord.exports.snapshot import BLOCK_BYTES, FileFacts, FileTally
from services.audit.domain.certificate_page import Vouched, certificate_page
from services.audit.domain.signing import CertificateBroken, keys_in
from services.audit.domain.verification import Verified, is_manifest, verify_manifest
from services.audit.domain.verification import verify as verified

CERTIFICATE = "certificate.json"
PLAIN_COLUMNS = 120
"""Where no terminal tells how wide it is."""
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
LINES_SHOWN_MAX = 20


@click.command("verify")
@click.argument("certificate", type=EXISTING)
@click.argument("export", type=EXISTING, nargs=-1, required=True)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="BASE64",
    help="A key you trust, as `GET /v1/keys` of audit shows it, got by a way that you trust; may be given again for an "
    "older key. Without it nothing says who signed: the status is 3.",
)
@click.option(
    "--withdrawals",
    type=EXISTING,
    help="The signed list of units that were erased since; without it the withdrawals.json that `concord export` left "
    "beside a certificate.json.",
)
@click.option(
    "--keys",
    type=EXISTING,
    help="A file of keys you trust, as the whole answer of `GET /v1/keys` is: with the keys that were retired.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the certificate as one page of HTML that a person reads, if it verifies; it fetches nothing.",
)
@click.option(
    "--corrections",
    type=EXISTING,
    multiple=True,
    help="The signed list of lines of a lot that were found wrong since, as `concord lots corrections` writes it; may "
    "be given again for other lots of a project's certificate.",
)
@click.option(
    "--corrected",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the export with the auditors' labels in the lines that were found wrong since, if it verifies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificate's statement as JSON.")
def verb(
    certificate: Path,
    export: tuple[Path, ...],
    public_keys: tuple[str, ...],
    withdrawals: Path | None,
    keys: Path | None,
    page: Path | None,
    corrections: tuple[Path, ...],
    corrected: Path | None,
    as_json: bool,
) -> None:
    """Verify a CERTIFICATE and the EXPORT files that it claims; a manifest may stand in its place.

    Exit status 0: a key that you trust signed it, and every file is line by line what was certified. 1: not so, with
    the reason. 3: nothing was changed since it was signed, and nobody whom you trust vouches for it.
    """
    if corrected is not None and (not corrections or len(export) > 1):
        raise click.UsageError("--corrected takes one export, and the --corrections of it.")
    document = certificate.read_bytes()
    try:
        trusted = [*public_keys, *([] if keys is None else keys_in(keys.read_bytes()))]
        if is_manifest(document):
            if page is not None or corrections:
                raise click.UsageError("A page is made of a certificate, which corrections name; this is a manifest.")
            found = verify_manifest(document, [facts_of(path) for path in export], trusted)
        else:
            gone = _gone(certificate, withdrawals)
            lists = [path.read_bytes() for path in corrections]
            found = verified(document, [path.read_bytes() for path in export], trusted, gone, lists)
        if corrected is not None:
            corrected.write_bytes(_put_right(export[0].read_bytes(), found.corrected[0]))
        if page is not None:
            page.write_bytes(certificate_page(found.statement, _vouched(found)))
    except CertificateBroken as broken:
        click.echo(f"NOT VERIFIED: {broken}", err=True)
        raise SystemExit(BROKEN) from broken
    if as_json:
        click.echo(json.dumps(found.statement, indent=2))
    else:
        _show(found)
    if not found.trusted:
        click.echo(
            "NOBODY VOUCHES FOR IT: anybody can sign such a file with a key of their own. "
            "Give the key that you trust with --public-key.",
            err=True,
        )
        raise SystemExit(NOBODY_VOUCHES)


def _gone(certificate: Path, withdrawals: Path | None) -> bytes | None:
    """Return the list of what was erased since: the one that is named, or the one that an export has left."""
    beside = certificate.with_name(WITHDRAWALS)
    if withdrawals is None and certificate.name == CERTIFICATE and beside.is_file():
        withdrawals = beside
    return None if withdrawals is None else withdrawals.read_bytes()


def _put_right(export: bytes, corrected: Mapping[int, bytes]) -> bytes:
    lines = export.split(b"\n")
    for line, row in corrected.items():
        lines[line - 1] = row.removesuffix(b"\n")
    return b"\n".join(lines)


def _vouched(found: Verified) -> Vouched:
    if found.trusted:
        text = "Verified: a key that was named signed this certificate, and the export is line by line what it claims."
    else:
        text = (
            "Nobody vouches for it: nothing was changed since it was signed, and no key was named to hold it against."
        )
    return Vouched(text, found.trusted, found.withdrawn)


def facts_of(path: Path) -> FileFacts:
    """Return what a manifest would claim of a file, read a block at a time."""
    tally = FileTally(str(path), "")
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            tally.add(block)
    return tally.facts(0)


def _show(found: Verified) -> None:
    about = found.statement
    to = console(columns=PLAIN_COLUMNS)
    verdict = "VERIFIED" if found.trusted else "UNCHANGED SINCE IT WAS SIGNED"
    to.print(f"{verdict}: project {about['project_id']}, issued {about['issued_at']}")
    key = about["key"]
    to.print(f"signed with {key['algorithm']} {key['public_key']} ({key['kid']})")
    if "certificate_sha256" in about:
        to.print(
            f"{about['rows']} rows in {len(about['files'])} files, {about['form']['format']}, "
            f"of issue {about['issue']}; its certificate: {about['certificate_sha256']}",
        )
        return
    if found.withdrawn:
        to.print(f"{found.withdrawn} units were erased since; the rest is what was certified")
    if found.kept:
        to.print(
            f"{len(found.kept)} of them are still in the export (line {_listed(found.kept)}): delete them, or fetch it "
            "anew",
        )
    for wrong in found.corrected:
        if wrong:
            to.print(f"{len(wrong)} were found wrong since (line {_listed(sorted(wrong))}); the rest stands")
    table = table_of("lot", "units", "inspected", "wrong", "label error rate of what leaves", "alpha", "annotators")
    for lot in about["lots"]:
        rate, agreement = lot["label_error_rate"], lot["agreement"]
        table.add_row(
            lot["lot_id"],
            str(lot["units"]),
            str(lot["inspected"]),
            str(lot["errors_found"]),
            _interval(rate),
            _interval(agreement),
            str(lot["annotators"]),
        )
    to.print(table)
    repeats = (about.get("project") or {}).get("repeats")
    if repeats:
        text = f"auditors agreed on {repeats['agreed']} of {repeats['repeated']} blind repeats"
        to.print(f"{text}; label error rates allow for their errors")


def _listed(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:LINES_SHOWN_MAX])) + (" …" if len(lines) > LINES_SHOWN_MAX else "")


def _interval(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return "undefined"
    if estimate["low"] is None or estimate["high"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"
