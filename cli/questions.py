"""`concord questions`: what a guideline does not say, and answering it."""

from pathlib import Path

import click

from cli.projects import definition_in, put_asked
from cli.session import Session, show_table, speaks
from concord.client.leading import GuidelineQuestion

COLUMNS = ("question", "status", "about", "wait", "confused", "asked", "skipped", "why")


@click.group("questions")
def verb() -> None:
    """List what a guideline does not say, and answer it."""


@verb.command("list")
@click.argument("project_id")
@click.option("--all", "every", is_flag=True, help="Also those that are answered.")
@speaks
def listed(session: Session, project_id: str, every: bool) -> None:
    """List questions on the guideline of PROJECT_ID: first what units wait for, then labels that are often confused."""
    with session.client() as concord:
        found = [
            question for question in concord.questions(project_id) if every or question.status in ("open", "noticed")
        ]
    session.each(found, lambda: show_table(COLUMNS, [_row(question) for question in found]))


@verb.command("answer")
@click.argument("project_id")
@click.argument("question_id")
@click.argument("answer")
@click.option("--version", type=click.IntRange(min=1), help="The version that gives the answer, published before.")
@click.option(
    "--publish",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A definition of the project, as of `projects put`, whose guideline gives it: it is put first.",
)
@click.option("--yes", is_flag=True, help="With --publish: do not ask whether the project is to change.")
@speaks
def answer(
    session: Session,
    project_id: str,
    question_id: str,
    answer: str,
    version: int | None,
    publish: Path | None,
    yes: bool,
) -> None:
    """Answer QUESTION_ID of PROJECT_ID by ANSWER; the units that wait go on to be ruled.

    With neither --version nor --publish the guideline stays as it is, and ANSWER says why.
    """
    if version is not None and publish is not None:
        raise click.UsageError("--version and --publish do not go together: what is published has its own version")
    with session.client() as concord:
        if publish is not None:
            definition = definition_in(publish)
            version = put_asked(concord, project_id.partition("-")[2], definition, yes=yes).guideline_version
        found = concord.answer_question(project_id, question_id, answer, guideline_version=version)
    session.told(found, lambda: click.echo(found.status))


def _row(question: GuidelineQuestion) -> tuple[object, ...]:
    about = " / ".join(map(str, question.labels)) or ", ".join(each.unit_id for each in question.examples[:1])
    why = next((each.reason for each in question.examples if each.reason), "")
    field = f"{question.field}: " if question.field else ""
    return (
        question.question_id,
        question.status,
        field + about,
        question.units_waiting,
        question.units_confused,
        question.asked,
        question.skipped,
        why,
    )
