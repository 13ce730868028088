"""`concord tokens`: who is signed in, and where the services are. No secret is shown."""

import base64
import binascii
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from cli.kept import Kept
from cli.session import Session, show_table, speaks


@click.command("tokens")
@speaks
def verb(session: Session) -> None:
    """List who is signed in, what each credential says of itself, and where the services are."""
    kept = Kept()
    people = [{"name": name, "current": name == kept.current, **claims(kept.token(name))} for name in kept.names()]
    addresses = asdict(session.addresses())

    def show() -> None:
        show_table(
            ("name", "taken", "roles", "subject", "client", "ends"),
            [
                (person["name"], "yes" if person["current"] else "", *(person[key] for key in COLUMNS))
                for person in people
            ],
        )
        show_table(("service", "address"), addresses.items())

    session.told({"people": people, "addresses": addresses}, show)


COLUMNS = ("roles", "subject", "client_id", "ends_at")


def claims(token: str) -> dict[str, str]:
    """Return what a token says of itself; an API key says nothing. Nothing of it is believed here.

    >>> claims("cnc_0123")["roles"]
    'API key'
    """
    parts = token.split(".")
    if len(parts) != 3:
        return dict(zip(COLUMNS, ("API key", "", "", ""), strict=True))
    try:
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends_at = datetime.fromtimestamp(claims["exp"], UTC).isoformat() if "exp" in claims else ""
        roles = claims.get("roles", ())
    except (ValueError, binascii.Error, TypeError, OverflowError):
        return dict(zip(COLUMNS, ("unreadable", "", "", ""), strict=True))
    cells = (", ".join(map(str, roles)), str(claims.get("sub", "")), str(claims.get("client_id", "")), ends_at)
    return dict(zip(COLUMNS, cells, strict=True))
