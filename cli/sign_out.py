"""`concord sign-out`: forget a credential."""

import click

from cli.kept import Kept
from concord.client import NotSignedIn


@click.command("sign-out")
@click.option("--as", "name", default="", metavar="NAME", help="Whose; who signed in last if it is left out.")
def verb(name: str) -> None:
    """Forget a credential that `sign-in` kept; it is not withdrawn at its issuer."""
    kept = Kept()
    name = name or kept.current
    if not kept.remove(name):
        raise NotSignedIn(f"Nobody called {name!r} is signed in; there are: {', '.join(kept.names()) or 'none'}")
    click.echo(f"{name} is signed out")
