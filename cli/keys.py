"""`concord keys`: the public keys of certificates."""

from pathlib import Path

import click
import msgspec

from cli.session import Session, speaks


@click.command("keys")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write them, for `verify --keys`.")
@speaks
def verb(session: Session, output: Path | None) -> None:
    """Show the public key that certificates are signed with.

    Whoever could change what the service says could change this, too: compare it once by another way that you trust.
    """
    with session.client() as concord:
        found = concord.keys()
    if output is not None:
        output.write_bytes(msgspec.json.encode(found))
    session.told(found, lambda: click.echo(f"{found.algorithm} {found.public_key}"))
