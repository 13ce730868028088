"""The `concord` command: its verbs in one explicit list."""

import click

from cli.export import export
from cli.lineage import lineage
from cli.replay import replay
from cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="concord")
def main() -> None:
    """Concord: expert annotation at vendor scale, events in, certified labels out."""


main.add_command(export)
main.add_command(lineage)
main.add_command(replay)
main.add_command(verify)
