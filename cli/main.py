"""The `concord` command: its verbs in one explicit list, each loaded when it is used."""

import errno
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from cli import statuses
from cli.session import AS_JSON, WHOSE
from concord.client import Away, Changed, Damaged, Failed, NoAddress, NotAllowed, NotSignedIn, NotYet, Problem

VERBS: Mapping[str, tuple[str, str]] = {
    "sign-in": ("cli.sign_in", "Keep a credential, and ask with it from now on."),
    "sign-out": ("cli.sign_out", "Forget a credential."),
    "tokens": ("cli.tokens", "List who is signed in, and where the services are."),
    "projects": ("cli.projects", "Define, list, show, pause and close projects."),
    "import": ("cli.imports", "Send a file of units, and go on where a line broke."),
    "units": ("cli.units", "Find units, list where they stand, seal and erase."),
    "reidentify": ("cli.reidentify", "Say who is behind what was replaced in a unit (role privacy)."),
    "watch": ("cli.watch", "Show a project's quality and lots as they come."),
    "spending": ("cli.spending", "Show what labels were spent on, saved, and were worth."),
    "alerts": ("cli.alerts", "List what is broken now, in whichever project."),
    "agreement": ("cli.agreement", "Say where people agree and where they do not."),
    "infer": ("cli.infer", "Weigh all labels of a project at once, beside what was settled."),
    "report": ("cli.report", "Write a project's quality as a page with plots."),
    "annotators": ("cli.annotators", "Say who annotators are, and how well they work."),
    "annotate": ("cli.annotate", "Claim units and label them, as an annotator."),
    "adjudicate": ("cli.adjudicate", "Rule what annotators disagree in, as an adjudicator."),
    "gold": ("cli.gold", "Rule on known labels that good annotators disagree with."),
    "questions": ("cli.questions", "List what a guideline does not say, and answer it."),
    "escalations": ("cli.escalations", "Close escalations that are sure enough; see how far rulings agree."),
    "audit": ("cli.audit", "Check what is to leave, blind, as an auditor."),
    "lots": ("cli.lots", "List lots, show one, wait for all."),
    "export": ("cli.export", "Fetch accepted labels with manifest and certificate."),
    "certificate": ("cli.certificate", "Fetch a certificate, or a lot's with its ledger."),
    "models": ("cli.models", "Post what your models say, see how good they are, and what to label next."),
    "keys": ("cli.keys", "Show the public keys of certificates."),
    "verify": ("cli.verify", "Hold a certificate and its export against each other, offline."),
    "lineage": ("cli.lineage", "Show who did what with a unit."),
    "webhooks": ("cli.webhooks", "Have a server told what happens in a project."),
    "dead-letters": ("cli.dead_letters", "List records that could not be taken, and send one again."),
    "republish": ("cli.republish", "Say a service's journal on its topics once more (after a loss)."),
    "recount": ("cli.recount", "Hold live figures against the topics, counted anew."),
    "replay": ("cli.replay", "Make a lot's certificate again from its ledger, offline."),
    "pack": ("cli.pack", "Write the record of a dataset version beside its export, offline."),
    "capacity": ("cli.capacity", "Say what a load takes: processes, store, brokers and money; offline."),
}
"""Verb -> its module, and its line of help: so that completing and helping load none of them."""
EXTRAS = dict.fromkeys(("cli.verify", "cli.replay", "cli.lineage", "cli.pack"), "verify")
"""What a verb needs beside the client, by the name of the extra that brings it."""
FAULTS: Mapping[type[Exception], tuple[str, int]] = {
    NotSignedIn: ("NOT SIGNED IN", statuses.NOT_SIGNED_IN),
    NotAllowed: ("NOT ALLOWED", statuses.NOT_SIGNED_IN),
    Away: ("AWAY", statuses.AWAY),
    NotYet: ("NOT YET", statuses.NOT_YET),
    Damaged: ("DAMAGED", statuses.BROKEN),
    Failed: ("FAILED", statuses.REFUSED),
    Changed: ("REFUSED", statuses.REFUSED),
    Problem: ("REFUSED", statuses.REFUSED),
    NoAddress: ("NO ADDRESS", statuses.USAGE),
}


class Verbs(click.Group):
    """The root: loads a verb when it is used, and ends with a sentence and a named status when one fails."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs' names, in the order in which work goes."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb; None where there is none of this name."""
        del ctx
        if cmd_name not in VERBS:
            return None
        module = VERBS[cmd_name][0]
        try:
            verb: click.Command = importlib.import_module(module).verb
        except ModuleNotFoundError as missing:
            extra = EXTRAS.get(module, "services")
            raise click.UsageError(
                f"{cmd_name} needs {missing.name}, which is not installed; pip install 'concord[{extra}]'"
            ) from missing
        return verb

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with their lines of help, and what the exit statuses mean."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])
        with formatter.section("Exit statuses"):
            formatter.write_dl([(str(status), meaning) for status, meaning in statuses.MEANINGS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; a refusal ends it with its status."""
        try:
            return super().invoke(ctx)
        except tuple(FAULTS) as fault:
            word, status = next(rows for kind, rows in FAULTS.items() if isinstance(fault, kind))
            sent = isinstance(fault, NotAllowed | NotSignedIn) and fault.status != 0
            whose = str(ctx.meta.get(WHOSE, "")) if sent else ""
            click.echo(_told(word, fault, whose, as_json=bool(ctx.meta.get(AS_JSON))), err=True)
            sys.exit(status)
        except (KeyboardInterrupt, EOFError, click.Abort):
            click.echo(
                _told("STOPPED", click.Abort("Nothing more is done."), "", as_json=bool(ctx.meta.get(AS_JSON))),
                err=True,
            )
            sys.exit(statuses.STOPPED)
        except OSError as fault:
            if fault.errno == errno.EPIPE:
                _leave_quietly()
            raise click.UsageError(f"{fault.filename or 'A file'}: {fault.strerror or fault}") from fault

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; wrong arguments, too, are said in JSON where that was asked for."""
        arguments = list(kwargs.get("args") or (args[0] if args else None) or sys.argv[1:])
        if "--json" not in arguments or kwargs.get("standalone_mode") is False:
            return super().main(*args, **kwargs)
        try:
            result = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.ClickException as fault:
            problem = {"problem": "wrong arguments", "detail": fault.format_message()}
            click.echo(msgspec.json.encode(problem).decode(), err=True)
            sys.exit(fault.exit_code)
        except click.Abort:
            sys.exit(statuses.STOPPED)
        sys.exit(result if isinstance(result, int) else statuses.OK)


def _leave_quietly() -> None:
    """End where nobody reads on; Python would say at its end that it could not write the rest."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(statuses.STOPPED)


def _told(word: str, fault: Exception, whose: str, *, as_json: bool) -> str:
    if not as_json:
        cure = "name another with --as" if isinstance(fault, NotAllowed) else "`concord sign-in` takes a new one"
        return f"{word}: {fault}" + (f" It was {whose}; {cure}." if whose else "")
    problem: dict[str, Any] = {"problem": word.lower(), "detail": str(fault)}
    if isinstance(fault, Problem):
        problem |= {"status": fault.status, "detail": fault.detail, "errors": list(fault.faults)}
    if whose:
        problem["credential"] = whose
    return msgspec.json.encode(problem).decode()


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Completion: eval "$(_CONCORD_COMPLETE=bash_source concord)" (zsh_source, fish_source). '
    "Guide: docs/guide/README.md.",
)
@click.version_option(package_name="concord")
def main() -> None:
    """Concord: expert annotation at vendor scale, events in, certified labels out."""
