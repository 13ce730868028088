"""`concord sign-out`: forget a credential."""

import json

import click

from cli.kept import Kept
from concord.client import NotSignedIn


@click.command("sign-out")
@click.option("--as", "name", default="", metavar="NAME", help="Whose; who signed in last if it is left out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verb(name: str, as_json: bool) -> None:
    """Forget a credential that `sign-in` kept; it is not withdrawn at its issuer."""
    kept = Kept()
    name = name or kept.current
    if not kept.remove(name):
        raise NotSignedIn(f"Nobody called {name!r} is signed in; there are: {', '.join(kept.names()) or 'none'}")
    click.echo(json.dumps({"name": name}) if as_json else f"{name} is signed out")
