"""`concord replay`: make a lot's certificate again from its ledger, offline, and say what comes out otherwise."""

from pathlib import Path

import click
import msgspec

from cli.statuses import BROKEN, ERASED, NOBODY_VOUCHES
from cli.verify import EXISTING
from services.audit.domain.ledger import LedgerBroken
from services.audit.domain.replay import replay as replayed
from services.audit.domain.signing import CertificateBroken, keys_in

DIFFERING_SHOWN_MAX = 20


@click.command("replay")
@click.argument("certificate", type=EXISTING)
@click.argument("ledger", type=EXISTING)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="BASE64",
    help="A key you trust, as `GET /v1/keys` of audit shows it, got by a way that you trust; may be given again.",
)
@click.option("--keys", type=EXISTING, help="A file of keys you trust, as the whole answer of `GET /v1/keys` is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verb(certificate: Path, ledger: Path, public_keys: tuple[str, ...], keys: Path | None, as_json: bool) -> None:
    """Make every number of a lot's CERTIFICATE again from its LEDGER, as `GET /v1/lots/{lot_id}/ledger` hands it over.

    Exit status 0: the same to the byte, signed by a key that you trust. 1: an entry was changed or is missing, or a
    number comes out otherwise; each is named. 3: the same, and nobody whom you trust vouches for it. 4: the ledger is
    what was signed, and units were erased since, so that the numbers cannot be made again.
    """
    try:
        trusted = [*public_keys, *([] if keys is None else keys_in(keys.read_bytes()))]
        with ledger.open("rb") as lines:
            found = replayed(certificate.read_bytes(), lines, trusted)
    except (CertificateBroken, LedgerBroken) as broken:
        click.echo(f"NOT REPLAYED: {broken}", err=True)
        raise SystemExit(BROKEN) from broken
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    for name in found.differing[:DIFFERING_SHOWN_MAX]:
        click.echo(f"DIFFERS: {name}", err=True)
    if found.differing:
        raise SystemExit(BROKEN)
    held = f"the ledgers of {found.units} units, {found.entries} entries, are what was signed"
    if found.erased:
        click.echo(
            f"HOLDS: {held}; {found.erased} units were erased since, so the numbers cannot be made again", err=as_json
        )
        raise SystemExit(ERASED)
    click.echo(f"REPLAYED: every number of the certificate comes out the same to the byte; {held}", err=as_json)
    if not found.trusted:
        click.echo("NOBODY VOUCHES FOR IT: give the key that you trust with --public-key.", err=True)
        raise SystemExit(NOBODY_VOUCHES)
