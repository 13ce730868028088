"""`python -m concord.quality`: hold the statistics against published values, or infer labels of a data set."""

from pathlib import Path

import click

from concord.quality.check import MalformedCases
from concord.quality.check import check as check_files
from concord.quality.infer import infer_command


@click.group()
def main() -> None:
    """Statistics of annotation quality."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Compute every case of FILES and compare it with what was published; exit status 1 on any failure."""
    try:
        failed = check_files(files, click.echo)
    except MalformedCases as error:
        raise click.ClickException(str(error)) from error
    if failed:
        raise SystemExit(1)


main.add_command(infer_command)

if __name__ == "__main__":
    main()
