"""`concord sign-in`: keep a credential, and ask with it from now on."""

import json
import os
import sys
from pathlib import Path

import click

from cli.kept import Kept, local_token
from cli.session import Session, patience_seconds
from concord.client import Addresses, Concord, NotAllowed, NotFound, NotSignedIn, Patience


@click.command("sign-in")
@click.option("--as", "name", required=True, metavar="NAME", help="What to call it: client, ann-1, …")
@click.option("--local", "role", metavar="ROLE", help="Take the credential of this role from the local stack.")
@click.option("--ingest", default="", metavar="URL", help="Where ingest is, if it is kept with it.")
@click.option("--assign", default="", metavar="URL", help="Where assign is.")
@click.option("--adjudicate", default="", metavar="URL", help="Where adjudicate is.")
@click.option("--audit", default="", metavar="URL", help="Where audit is.")
@click.option("--metrics", default="", metavar="URL", help="Where metrics is.")
@click.option("--unchecked", is_flag=True, help="Keep it without asking a service whether it is believed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verb(name: str, role: str | None, unchecked: bool, as_json: bool, **addresses: str) -> None:
    """Keep a credential under a NAME, in a file that you alone may read.

    It is an API key or a token, read from the terminal without being shown, or from standard input:
    `concord sign-in --as ann-1 < token`. Later calls use who signed in last, or who is named with --as;
    CONCORD_TOKEN stands before the one, and not before the other.
    """
    token = _read(role)
    given = Addresses(**addresses)
    if not unchecked:
        _check(token, Session().addresses(given))
    kept = Kept(os.environ)
    kept.put(name, token, given)
    text = json.dumps({"name": name, "kept_in": str(kept.path)})
    click.echo(text if as_json else f"{name} is signed in; kept in {kept.path}")


def _read(role: str | None) -> str:
    if role is not None:
        found = local_token(role, Path.cwd())
        if not found:
            raise click.UsageError(f"No local stack here has a credential of {role!r}; `make up` leaves one a role")
        return found
    token: str = click.prompt("Key or token", hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise click.UsageError("That is no key or token: send one line, without blanks")
    return token


def _check(token: str, addresses: Addresses) -> None:
    """Ask whether the credential is believed; which role it has does not matter.

    Raises:
        NotSignedIn: it is not.
    """
    with Concord(token, addresses, patience=Patience(patience_seconds())) as concord:
        try:
            concord.standing()
        except (NotAllowed, NotFound):
            return
        except NotSignedIn as refused:
            raise NotSignedIn(f"{refused.detail.rstrip('.')}; ask for a new one", status=refused.status) from refused
