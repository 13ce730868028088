"""`concord models`: what your models say, held against what was accepted, and what to label next."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from cli import statuses
from cli.model_beside import beside
from cli.model_cost import Prices, Row, Work, of_model, of_people
from cli.projects import FILE
from cli.session import Session, show_table, speaks
from concord.client.scores import Disagreement, PostedOutputs, Score, Share

REFUSED_SHOWN_MAX = 20
AMOUNT = click.FloatRange(min=0.0)
SIDES = ("first", "second", "neither", "ambiguous")


@click.group("models")
def verb() -> None:
    """Post what your models say, see how good they are, and what to label next."""


@verb.command("post")
@click.argument("project_id")
@click.argument("file", type=FILE)
@click.option("--model", default="", help="Of lines that name none.")
@click.option("--model-version", default="", help="Of lines that name none.")
@speaks
def post(session: Session, project_id: str, file: Path, model: str, model_version: str) -> None:
    """Post FILE, a line of JSON for each output: event_id or unit_id, label, and confidence or probabilities.

    What was posted before changes nothing, if it is the same. Exit status 9: lines were refused; the rest is in.
    """
    named = {"model": model, "model_version": model_version}
    defaults = {name: value for name, value in named.items() if value}
    with session.client() as concord:
        found = concord.post_outputs(project_id, _outputs(file, defaults))
    session.told(found, lambda: _show_posted(found))
    if found.refused_count:
        sys.exit(statuses.IN_PART)


def _outputs(file: Path, defaults: dict[str, str]) -> Iterator[dict[str, Any]]:
    for number, entry in _lines(file):
        if not isinstance(entry, dict):
            raise click.UsageError(f"{file}, line {number}: is no JSON object; send an output a line")
        yield {**defaults, **entry}


def _lines(file: Path) -> Iterator[tuple[int, Any]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as fault:
                raise click.UsageError(f"{file}, line {number}: is no JSON ({fault})") from fault


def _show_posted(found: PostedOutputs) -> None:
    click.echo(f"{found.posted} posted, {found.repeated} repeated, {found.refused_count} refused")
    if found.refused:
        rows = [
            (refused_output.line, refused_output.field, refused_output.problem, refused_output.cure)
            for refused_output in found.refused[:REFUSED_SHOWN_MAX]
        ]
        show_table(("output", "field", "problem", "cure"), rows)


@verb.command("list")
@click.argument("project_id")
@speaks
def listed(session: Session, project_id: str) -> None:
    """List the versions of models that PROJECT_ID holds outputs of."""
    with session.client() as concord:
        found = concord.models(project_id)
    rows = [(model.model_id, model.model, model.model_version, model.first_posted_at) for model in found]
    session.each(found, lambda: show_table(("id", "model", "version", "since"), rows))


@verb.command("score")
@click.argument("project_id")
@click.argument("model_id")
@speaks
def score(session: Session, project_id: str, model_id: str) -> None:
    """Hold a version's outputs against all labels of PROJECT_ID that are accepted by now."""
    with session.client() as concord:
        found = concord.model_score(project_id, model_id)
    session.told(found, lambda: _show_score(found))


def _show_score(found: Score) -> None:
    others = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in found.not_scored.items() if count)
    scored = f"{found.scored} of {found.outputs} outputs scored"
    click.echo(scored + (f"; {others}" if others else ""))
    click.echo(f"accuracy {_share(found.accuracy)}")
    classes = [
        (
            class_score.label,
            class_score.said,
            _share(class_score.precision),
            class_score.accepted,
            _share(class_score.recall),
        )
        for class_score in found.classes
    ]
    if classes:
        show_table(("class", "said", "precision", "accepted", "recall"), classes)
    for field in found.fields:
        click.echo(f"field {field.field}: accuracy {_share(field.accuracy)}")
    sure = found.calibration
    if sure.bins:
        rows = [
            (f"{bin_.low:g} to {bin_.high:g}", bin_.units, f"{bin_.stated:.3f}", _share(bin_.right))
            for bin_ in sure.bins
        ]
        show_table(("confidence", "outputs", "stated", "right"), rows)
        click.echo(f"calibration error {_share(sure.expected_error)}, by chance {sure.expected_error_by_chance:.3f}")
        click.echo(f"Brier score {_share(sure.brier)}")
    judged = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.findings.items() if count)
    click.echo(f"{found.disagreements} disagreements" + (f"; judged: {judged}" if judged else ""))


def _share(share: Share) -> str:
    if share.value is None:
        return share.reason
    if share.low is None or share.high is None:
        return f"{share.value:.3f}"
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


@verb.command("cost")
@click.argument("project_id")
@click.argument("model_id")
@click.option("--label", "label", type=AMOUNT, help="Of a person's label; else the project's own price.")
@click.option("--ruling", type=AMOUNT, help="Of an adjudicator's ruling; else the project's own price.")
@click.option("--inspection", type=AMOUNT, help="Of an auditor's verdict; else that of a ruling.")
@click.option("--output", "output", type=AMOUNT, default=0.0, show_default=True, help="Of a model's output.")
@click.option("--error", type=AMOUNT, help="Of a wrong label that is used; else the project's own price.")
@speaks
def cost(
    session: Session,
    project_id: str,
    model_id: str,
    label: float | None,
    ruling: float | None,
    inspection: float | None,
    output: float,
    error: float | None,
) -> None:
    """Compare what an accepted label costs by people with one by a model: work done again and errors among it.

    What was done is counted from the project's events. Prices are the policy's (`consensus.prices`) unless given.
    """
    with session.client() as concord:
        own = (concord.project(project_id).policy.get("consensus") or {}).get("prices") or {}
        quality, together = concord.quality(project_id), concord.together(project_id)
        people = concord.annotators(project_id).annotators
        score = concord.model_score(project_id, model_id)
    ruled = _price(ruling, own, "decision", "ruling")
    prices = Prices(
        _price(label, own, "label", "label"),
        ruled,
        ruled if inspection is None else inspection,
        output,
        _price(error, own, "error", "error"),
    )
    models = sum(person.annotations for person in people if person.kind == "model")
    work = Work(
        together.units,
        quality.annotations - models,
        models,
        quality.units_adjudicated,
        quality.lots.inspected,
        _ends(together.label_error_rate),
    )
    named = f"{score.model.model} {score.model.model_version}"
    rows = [row for row in (of_people(work, prices), of_model(named, _ends(score.accuracy), prices)) if row is not None]
    entries = [{"by": row.by, "made": row.made, "errors": row.errors, "whole": row.whole} for row in rows]
    session.told({"work": work._asdict(), "prices": prices._asdict(), "rows": entries}, lambda: _show_cost(work, rows))


def _price(given: float | None, own: dict[str, float], name: str, option: str) -> float:
    found = own.get(name) if given is None else given
    if found is None:
        raise click.UsageError(f"the project says no price of a {name}; give --{option}")
    return float(found)


def _ends(share: Share) -> tuple[float, float, float] | None:
    if share.value is None or share.low is None or share.high is None:
        return None
    return share.value, share.low, share.high


def _show_cost(work: Work, rows: list[Row]) -> None:
    click.echo(
        f"{work.accepted} accepted; {work.labels} labels, {work.rulings} rulings, {work.inspections} inspections"
        + (f", {work.outputs} outputs" if work.outputs else "")
    )
    shown = [(row.by, f"{row.made:.4g}", _amount(row.errors), _amount(row.whole)) for row in rows]
    show_table(("an accepted label by", "made", "errors", "whole"), shown)


def _amount(ends: tuple[float, float, float] | None) -> str:
    return "not known" if ends is None else f"{ends[0]:.4g} [{ends[1]:.4g}, {ends[2]:.4g}]"


@verb.command("disagreements")
@click.argument("project_id")
@click.argument("model_id")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="So many at most.")
@speaks
def disagreements(session: Session, project_id: str, model_id: str, limit: int) -> None:
    """List where a version says another thing than what was accepted, most to be learnt first."""
    with session.client() as concord:
        found = concord.disagreements(project_id, model_id, limit=limit).disagreements
    session.each(found, lambda: show_table(("unit", "model", "sure", "label", "sure", "finding"), _rows(found)))


def _rows(found: list[Disagreement]) -> list[tuple[object, ...]]:
    return [
        (
            disagreement.event_id or disagreement.unit_id,
            msgspec.json.encode(disagreement.model_label).decode(),
            disagreement.model_confidence,
            msgspec.json.encode(disagreement.accepted_label).decode(),
            f"{disagreement.label_confidence:.3f}",
            disagreement.finding,
        )
        for disagreement in found
    ]


@verb.command("review")
@click.argument("project_id")
@click.argument("model_id")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="So many at most.")
@speaks
def review(session: Session, project_id: str, model_id: str, limit: int) -> None:
    """List what you may judge, as an auditor or adjudicator: what the unit says and two labels, not whose they are."""
    with session.client() as concord:
        work = concord.review(project_id, model_id, limit=limit).review
        rows = [
            {
                "unit_id": review_work.unit_id,
                "content": concord.payload(review_work.payload_url),
                "first": review_work.first,
                "second": review_work.second,
            }
            for review_work in work
        ]
    columns = ("unit_id", "content", "first", "second")
    session.each(rows, lambda: show_table(columns, [tuple(row[name] for name in columns) for row in rows]))


@verb.command("judge")
@click.argument("project_id")
@click.argument("model_id")
@click.argument("unit_id")
@click.argument("right", type=click.Choice(SIDES))
@click.option("--reason", default="", help="Is kept with the judgement, and told.")
@speaks
def judge(session: Session, project_id: str, model_id: str, unit_id: str, right: str, reason: str) -> None:
    """Say which of the two labels of UNIT_ID is right, by the guideline."""
    with session.client() as concord:
        found = concord.judge(project_id, model_id, unit_id, right, reason=reason)
    refused = f": {found.field} {found.problem}; {found.cure}" if found.status == "refused" else ""
    session.told(found, lambda: click.echo(f"{found.status}{refused}", err=bool(refused)))
    if refused:
        sys.exit(statuses.REFUSED)


@verb.command("next")
@click.argument("project_id")
@click.argument("model_id")
@click.option("--units", default=100, show_default=True, type=click.IntRange(1, 1_000), help="How many.")
@click.option(
    "--random-share",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0.0, 1.0),
    help="The share of the batch that is drawn at random, whatever the model says.",
)
@click.option("--data", type=FILE, help="Your units, a line of JSON each with its id: the chosen ones are written.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the chosen units here.")
@speaks
def next_units(
    session: Session,
    project_id: str,
    model_id: str,
    units: int,
    random_share: float,
    data: Path | None,
    output: Path | None,
) -> None:
    """Say which units to label next, of those that a version says something of and that have not come in.

    With --data and --output they are written as `concord import` takes them, each with the model's uncertainty.
    """
    if (data is None) != (output is None):
        raise click.UsageError("--data and --output go together: what is chosen out of the one is written to the other")
    with session.client() as concord:
        found = concord.next_units(project_id, model_id, units=units, random_share=random_share)
    if data is not None and output is not None:
        wanted = {unit.event_id: unit.uncertainty for unit in found.units}
        click.echo(f"{_write(data, output, wanted)} of {len(wanted)} written: {output}", err=True)
    rows = [(unit.event_id, f"{unit.uncertainty:.3f}", ", ".join(unit.reasons)) for unit in found.units]

    def show() -> None:
        show_table(("event", "uncertainty", "why"), rows)
        moved = ", ".join(msgspec.json.encode(entry).decode() for entry in found.drift.risen)
        click.echo(
            f"{len(found.units)} of {found.waiting} that wait" + (f"; said more often now: {moved}" if moved else "")
        )

    session.each(found.units, show)


def _write(data: Path, output: Path, wanted: dict[str, float]) -> int:
    """Write the units of a file that are wanted, in the file's order; return how many there were."""
    count = 0
    with output.open("wb") as file:
        for _, entry in _lines(data):
            if isinstance(entry, dict) and (uncertainty := wanted.get(str(entry.get("id", "")))) is not None:
                file.write(msgspec.json.encode({**entry, "uncertainty": uncertainty}) + b"\n")
                count += 1
    return count


verb.add_command(beside)
