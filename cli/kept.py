"""What the command keeps between one call and the next: who is signed in, and where the services are."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from concord.client import Addresses

FOLDER = "CONCORD_CONFIG_DIR"
LOCAL_TOKENS = Path(".local/stack/data/identity/tokens.json")
"""Where `make up` leaves one credential of each role."""


class Kept:
    """The file of credentials, which its owner alone may read.

    Args:
        environment: may name the folder (CONCORD_CONFIG_DIR); else it is the platform's own for such files.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.path = Path(environment.get(FOLDER) or click.get_app_dir("concord")) / "credentials.json"

    def names(self) -> list[str]:
        """Return who is signed in."""
        return sorted(self._read()["people"])

    @property
    def current(self) -> str:
        """Return who signed in last; empty when nobody is."""
        return str(self._read()["current"])

    def token(self, name: str) -> str:
        """Return a credential; empty where there is none of this name."""
        return str(self._read()["people"].get(name, {}).get("token", ""))

    def addresses(self, name: str) -> Addresses:
        """Return where the services are that somebody signed in at, as far as it was said then."""
        addresses = self._read()["people"].get(name, {}).get("addresses", {})
        return Addresses(**{key: value for key, value in addresses.items() if key in Addresses.__slots__})

    def put(self, name: str, token: str, addresses: Addresses) -> None:
        """Keep a credential, and take it from now on where none is named."""
        content = self._read()
        answer = {key: value for key, value in asdict(addresses).items() if value}
        content["people"][name] = {"token": token, "addresses": answer}
        content["current"] = name
        self._write(content)

    def remove(self, name: str) -> bool:
        """Forget a credential; return whether there was one."""
        content = self._read()
        if content["people"].pop(name, None) is None:
            return False
        if content["current"] == name:
            content["current"] = next(iter(sorted(content["people"])), "")
        self._write(content)
        return True

    def _read(self) -> dict[str, Any]:
        empty: dict[str, Any] = {"current": "", "people": {}}
        if not self.path.exists():
            return empty
        try:
            content = json.loads(self.path.read_text())
            return {"current": content["current"], "people": dict(content["people"])}
        except (ValueError, TypeError, KeyError) as fault:
            raise click.UsageError(f"{self.path} cannot be read ({fault}); remove it and sign in again") from fault

    def _write(self, entry: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        # Made with its mode, so that it is at no moment anybody else's to read.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(entry, file, indent=2)
        fresh.replace(self.path)


def local_token(name: str, folder: Path) -> str:
    """Return the credential of a role on the stack that `make up` started in this checkout; empty anywhere else."""
    for path in (folder, *folder.parents):
        if (path / LOCAL_TOKENS).is_file():
            return str(json.loads((path / LOCAL_TOKENS).read_text()).get(name, ""))
    return ""
