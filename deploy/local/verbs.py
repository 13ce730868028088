"""One function a verb. Each returns the exit status; what goes wrong is said in sentences, without a traceback.

What needs the environment is imported by the verb that uses it: the others must work before it exists.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from deploy.local import attend, doctor, family, places, side_environment, terminal
from deploy.local.elsewhere import Elsewhere
from deploy.local.environment import Environment
from deploy.local.kafka.installation import Installation
from deploy.local.ports import REPLICAS_MAX, Ports
from deploy.local.processes import NotStarted

if TYPE_CHECKING:
    from deploy.local.stack import Stack

ROLES = ("client", "annotator", "adjudicator", "auditor", "operator", "privacy")
"""Those of `concord.chassis.identity`, which cannot be imported before there is an environment."""
_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache", ".grimp_cache")
_KEPT_BY_CLEAN = frozenset({"environments", "kafka", "prometheus", "chromium"})
_INTERRUPTED = 130
_WATCH_SECONDS = 0.5


def main(argv: Sequence[str]) -> int:
    """Run one verb; SIGTERM and SIGHUP stop it as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    asked = _parser().parse_args(argv)
    try:
        return int(asked.verb(asked))
    except (NotStarted, terminal.StepFailed, ValueError, OSError) as fault:
        print(f"{asked.name}: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{asked.name}: interrupted; everything it started was stopped", file=sys.stderr)
        return _INTERRUPTED


def setup(_asked: argparse.Namespace) -> int:
    """Make the environment and fetch the broker; milliseconds when both are there."""
    own_broker = Elsewhere.from_environment(os.environ).kafka_bootstrap is None
    environment, broker = Environment(), Installation()
    if not (environment.is_done() and (broker.is_done() or not own_broker)):
        lacking = doctor.missing(own_broker)
        for finding in lacking:
            terminal.say(str(finding))
        if lacking:
            return 1
    environment.ensure()
    if own_broker:
        broker.ensure()
    return 0


def diagnose(_asked: argparse.Namespace) -> int:
    """List what only the system can give, and how to get what is missing."""
    findings = doctor.everything(Ports.from_environment(os.environ))
    for finding in findings:
        terminal.say(str(finding))
    return int(any(finding.cure for finding in findings))


def up(asked: argparse.Namespace) -> int:
    """Start broker, store and services, and leave them running."""
    from concord.contracts.topics import PLACES_LOCAL  # noqa: PLC0415 - needs the environment
    from deploy.local import observers, prometheus  # noqa: PLC0415 - needs the environment
    from deploy.local.stack import Stack  # noqa: PLC0415 - needs the environment

    elsewhere = Elsewhere.from_environment(os.environ)
    place_count = int(os.environ.get("CONCORD_PLACES") or PLACES_LOCAL)
    ports = Ports.from_environment(os.environ)
    stack = Stack(
        places.STACK,
        ports,
        elsewhere=elsewhere,
        say=terminal.say,
        place_count=place_count,
        observed=asked.observe,
        replicas=asked.replicas,
        workbench=True,
    )
    before = stack.running
    if asked.foreground and before:
        raise NotStarted("it is up already, in the background; `make down` stops it")
    stack.start()
    _print_addresses(stack)
    if asked.foreground:
        return _watch(stack)
    stack.detach()
    if asked.observe and not observers.hears():
        terminal.say(f"Nobody hears of alerts: no Alertmanager is installed; {prometheus.CURE}")
    known = before >= set(stack.processes)
    terminal.say("It was up already." if known else "It is up; `make down` stops it.")
    return 0


def down(_asked: argparse.Namespace) -> int:
    """Stop every process of every stack of this checkout; the data stays."""
    running = bool(family.members(places.LOCAL))
    family.stop(places.LOCAL, say=terminal.say)
    terminal.say("It is down." if running else "Nothing was running.")
    return 0


def clean(asked: argparse.Namespace) -> int:
    """Stop everything and remove data, logs and caches; with --all also what was installed."""
    down(asked)
    entries = list(places.LOCAL.iterdir()) if places.LOCAL.exists() else []
    kept = frozenset() if asked.all else _KEPT_BY_CLEAN
    for path in [*entries, *(places.ROOT / name for name in _CACHES)]:
        if path.name not in kept:
            _remove(path)
    if asked.all:
        for environment in (places.ENVIRONMENT, *map(side_environment.folder_of, side_environment.NAMES)):
            _remove(environment)
    return 0


def token(asked: argparse.Namespace) -> int:
    """Print a bearer token of the stack of `make up`, for a role and a subject."""
    from deploy.local.issuer import Issuer  # noqa: PLC0415 - needs the environment

    terminal.say(Issuer(places.STACK).token(asked.role, asked.subject, asked.client))
    return 0


def check(_asked: argparse.Namespace) -> int:
    """Run lint, types and the import rules."""
    from deploy.local import suite  # noqa: PLC0415 - only these two verbs need it

    return suite.run(suite.CHECKS)


def test(_asked: argparse.Namespace) -> int:
    """Run everything that must hold."""
    from deploy.local import suite  # noqa: PLC0415 - only these two verbs need it

    return suite.run(suite.STEPS)


def lend(asked: argparse.Namespace) -> int:
    """Run a command beside a fresh broker and store on free ports, their addresses in its environment."""
    from deploy.local.stack import Stack  # noqa: PLC0415 - needs the environment

    places.LOCAL.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="lent-", dir=places.LOCAL) as folder,
        Stack(Path(folder), Ports.free(), services=(), elsewhere=Elsewhere.from_environment(os.environ)) as stack,
    ):
        # Not the names that services read: a test says itself whether a service of its own talks to these.
        addresses = {
            "CONCORD_TEST_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
            "CONCORD_TEST_MONGODB_URI": stack.mongodb_uri,
        }
        return attend.run(asked.command, {**os.environ, **addresses})


def lock(asked: argparse.Namespace) -> int:
    """Write the locks of packages and jars anew; what is locked stays so where it still may."""
    from deploy.local import locks  # noqa: PLC0415 - needs the environment

    locks.write(asked.upgrade)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local")
    verbs = parser.add_subparsers(dest="name", required=True, metavar="VERB")

    def add(name: str, verb: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        argument_parser = verbs.add_parser(name, help=verb.__doc__, description=verb.__doc__)
        argument_parser.set_defaults(verb=verb)
        return argument_parser

    add("setup", setup)
    add("doctor", diagnose)
    bringing_up = add("up", up)
    bringing_up.add_argument("--foreground", action="store_true", help="stay, and stop everything on Ctrl-C")
    bringing_up.add_argument("--observe", action="store_true", help="Prometheus and Alertmanager beside it")
    bringing_up.add_argument(
        "--replicas",
        type=int,
        default=1,
        metavar="N",
        help=f"processes of each service, 1 to {REPLICAS_MAX}, behind the same addresses",
    )
    add("down", down)
    add("clean", clean).add_argument("--all", action="store_true", help="also the environment and the broker's jars")
    add("check", check)
    add("test", test)
    add("lend", lend).add_argument("command", nargs=argparse.REMAINDER)
    add("lock", lock).add_argument("--upgrade", action="store_true", help="everything to its newest allowed version")
    minting = add("token", token)
    minting.add_argument("role", choices=ROLES, help=", ".join(ROLES))
    minting.add_argument("subject", help="who it is, such as an annotator's id")
    minting.add_argument("--client", help="whose data it may touch, for tokens of a client")
    return parser


def _watch(stack: "Stack") -> int:
    """Stay until Ctrl-C or until a part ends by itself; stop everything."""
    try:
        terminal.say("Ctrl-C stops it.")
        while (name := stack.ended()) is None:
            time.sleep(_WATCH_SECONDS)
        terminal.say(f"{name} has ended by itself and the rest is being stopped. Its last lines:\n{stack.tail(name)}")
        return 1
    finally:
        stack.stop()


def _print_addresses(stack: "Stack") -> None:
    """Say where everything is and how to get in."""
    stack.issuer.credentials()
    terminal.say(f"{'sign in at':<12} {stack.addresses['workbench']}/sign-in")
    for name, address in stack.addresses.items():
        terminal.say(f"{name:<12} {address}")
        processes = stack.parts(name) if name in stack.services else []
        for part in processes if len(processes) > 1 else []:
            terminal.say(f"{'':<12} {part.address} is {part.name}")
    terminal.say(f"{'credentials':<12} {stack.issuer.tokens_file} (one a role)")
    terminal.say(f"{'':<12} more: .venv/bin/python -m deploy.local token annotator w017")
    terminal.say(f"{'concord':<12} .venv/bin/concord projects list --as client (knows all of this)")
    terminal.say(f"{'logs':<12} {places.logs(stack.folder)}")


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
