"""What every verb that asks a service has: who asks, where, and how the answer is shown."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table

from cli.kept import Kept, local_token
from concord.client import Addresses, Concord, NoAddress, NotSignedIn, Patience
from concord.contracts.owners import networks

TOKEN = "CONCORD_TOKEN"  # noqa: S105 - the name of a variable, not what is in it
PATIENCE = "CONCORD_PATIENCE_SECONDS"
PATIENCE_SECONDS = 30.0
PATIENCE_SECONDS_MAX = 86_400.0
OWNERS_WITHIN = "CONCORD_OWNERS_WITHIN"
PLAIN_COLUMNS = 140
"""Where no terminal tells how wide it is."""
SERVICES = tuple(field.name for field in fields(Addresses) if field.name != "kafka")
AS_JSON = "cli.as_json"
WHOSE = "cli.whose"
"""Under which it is kept whose credential was sent."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, and how the answer is shown.

    Attributes:
        name: who was named with --as; empty for the environment's, or who signed in last.
        as_json: whether answers are printed as JSON.
    """

    name: str = ""
    as_json: bool = False

    def client(self, **urls: str | None) -> Concord:
        """Return a client; `urls` are addresses that the command line gave.

        Raises:
            NotSignedIn: there is no credential.
        """
        given = Addresses(**{name: url for name, url in urls.items() if url})
        return Concord(
            self.token(),
            self.addresses(given),
            patience=Patience(patience_seconds()),
            owners_within=owners_within(),
        )

    def token(self) -> str:
        """Return the credential: of who was named, of the environment, or of who signed in last.

        Raises:
            NotSignedIn: there is none; the message is the cure.
        """
        kept = Kept()
        if self.name:
            found = kept.token(self.name) or local_token(self.name, Path.cwd())
            whose = f"that of {self.name!r}"
        elif found := os.environ.get(TOKEN, ""):
            whose = f"the one in {TOKEN}"
        else:
            found, whose = kept.token(kept.current), f"that of {kept.current!r}, who signed in last"
        if (context := click.get_current_context(silent=True)) is not None:
            context.find_root().meta[WHOSE] = whose
        if not found:
            who = f"Nobody called {self.name!r} is signed in" if self.name else "Nobody is signed in"
            cure = f"`concord sign-in --as {self.name or 'NAME'}`, or set {TOKEN} to an API key or a token"
            raise NotSignedIn(f"{who}; {cure}")
        if not found.isascii() or not found.isprintable():
            cure = "one line of letters, digits and signs as it was handed out, without quotation marks"
            raise click.UsageError(f"The credential ({whose}) is no API key and no token; send {cure}")
        return found

    def addresses(self, given: Addresses | None = None) -> Addresses:
        """Return where the services are: as given, as the environment says, as signed in, or the local stack's."""
        kept = Kept()
        signed_in = kept.addresses(self.name or kept.current)
        found = (given or Addresses()).over(Addresses.from_environment(os.environ)).over(signed_in)
        found = found.over(Addresses.of_local_stack(Path.cwd()))
        for service in SERVICES:
            if (url := getattr(found, service)) and not _is_address(url):
                raise NoAddress(f"{url!r} is no address of {service}; send one as https://{service}.example.com")
        return found

    def told(self, answer: Any, show: Callable[[], None]) -> None:
        """Print an answer as JSON where that was asked for, and else as `show` does."""
        if self.as_json:
            click.echo(msgspec.json.encode(answer).decode())
        else:
            show()

    def each(self, answers: Iterable[Any], show: Callable[[], None]) -> None:
        """Print answers as lines of JSON where that was asked for, and else as `show` does."""
        if self.as_json:
            for answer in answers:
                click.echo(msgspec.json.encode(answer).decode())
        else:
            show()


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def patience_seconds() -> float:
    """Return how long an absent service is asked again."""
    text = os.environ.get(PATIENCE, "")
    try:
        seconds = float(text) if text else PATIENCE_SECONDS
    except ValueError as fault:
        raise click.UsageError(f"{PATIENCE} is {text!r}; set it to seconds") from fault
    # What is no number of seconds ends no wait: a service that is away would be asked for ever.
    if not 0 <= seconds <= PATIENCE_SECONDS_MAX:
        raise click.UsageError(f"{PATIENCE} is {text!r}; set it to seconds, 0 to {PATIENCE_SECONDS_MAX:.0f}")
    return seconds


def owners_within() -> tuple[str, ...]:
    """Return the networks of the services' own processes, for a command that runs among them; none elsewhere."""
    found = tuple(filter(None, map(str.strip, os.environ.get(OWNERS_WITHIN, "").split(","))))
    try:
        networks(found)
    except ValueError as fault:
        cure = "set it to networks as 10.42.0.0/16, with commas between"
        raise click.UsageError(f"{OWNERS_WITHIN} names none: {fault}; {cure}") from fault
    return found


def speaks(verb: Callable[Concatenate[Session, P], T]) -> Callable[P, T]:
    """Give a verb the options of who asks and how it is shown."""

    @click.option("--as", "name", default="", metavar="NAME", help="Who asks: a name that signed in.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @wraps(verb)
    def command(*args: P.args, **kwargs: P.kwargs) -> T:
        name, as_json = str(kwargs.pop("name")), bool(kwargs.pop("as_json"))
        context = click.get_current_context()
        context.find_root().meta[AS_JSON] = as_json
        for param in context.command.params:
            # An empty one leads to another address than the one that is meant.
            if isinstance(param, click.Argument) and param.required and kwargs.get(param.name or "") == "":
                raise click.BadParameter("it is empty; name one", ctx=context, param=param)
        return verb(Session(name, as_json), *args, **kwargs)

    return command


def console(*, columns: int | None = None, stderr: bool = False) -> Console:
    """Return where text is printed as it stands: what people wrote is neither markup nor the name of an emoji.

    Args:
        columns: how wide it is where no terminal tells.
        stderr: whether it is printed beside the answer.
    """
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else columns or PLAIN_COLUMNS
    return Console(width=width, stderr=stderr, highlight=False, markup=False, emoji=False)


def table_of(*columns: str, title: str | None = None) -> Table:
    """Return a table in which whatever does not fit goes on in the next line: an id that is cut off is none."""
    wide = (Column(name, overflow="fold") for name in columns)
    return Table(*wide, title=title, title_justify="left")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, or that it is empty."""
    table = table_of(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else text_of(cell) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        click.echo("none")


def text_of(value: object) -> str:
    """Return what a unit or a label says as it is sent: a text as it stands, a list or an object as JSON.

    >>> text_of("yes"), text_of({"answers": {"toxic": True}})
    ('yes', '{"answers": {"toxic": true}}')
    """
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def json_of(name: str, what: str) -> Any:
    """Return what a text says: a file's JSON after an @, JSON, or the text itself where it is none.

    >>> json_of('["a", "b"]', "label"), json_of("yes", "label")
    (['a', 'b'], 'yes')
    """
    try:
        text = Path(name[1:]).read_text() if name.startswith("@") else name
    except OSError as fault:
        raise click.UsageError(f"{what}: {name[1:]} cannot be read ({fault.strerror})") from fault
    try:
        return json.loads(text)
    except ValueError:
        return text


def json_file(path: Path) -> Any:
    """Return what a file of JSON holds; one that is none ends the command with line and column."""
    try:
        return json.loads(path.read_text())
    except UnicodeDecodeError as fault:
        raise click.UsageError(f"{path} is no UTF-8; save it as UTF-8") from fault
    except ValueError as fault:
        raise click.UsageError(f"{path} is no JSON: {fault}") from fault
