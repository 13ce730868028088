"""Answers of a program in place of a person's: it reads what a unit says, and what it writes is the label."""

import subprocess

import click

from cli.session import json_of, text_of
from concord.client.models import Json

SECONDS_MAX = 600

BY = click.option(
    "--by",
    "program",
    metavar="COMMAND",
    help="A command in place of you: it reads what a unit says, a text or JSON, and what it writes is the label.",
)


def answer_of(program: str, content: Json) -> Json:
    """Return the label that a shell's command gives to a content, which it reads; None where it writes nothing.

    A text is read as it stands, anything else as JSON.

    Raises:
        UsageError: it failed, or took too long.
    """
    text = text_of(content)
    try:
        run = subprocess.run(  # noqa: S602 - the caller's own command line
            program, shell=True, input=text, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise click.UsageError(f"{program!r} took over {SECONDS_MAX} s; what was labelled before stands") from late
    if run.returncode:
        raise click.UsageError(
            f"{program!r} ended with {run.returncode}: {run.stderr.strip()[:500]}; what was labelled before stands"
        )
    label = run.stdout.strip()
    return json_of(label, "label") if label else None
