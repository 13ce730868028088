"""`concord infer`: all labels of a project weighed at once, beside what its units were settled with."""

import json
import time

import click

from cli.session import Session, show_table, speaks
from concord.client.client import Concord
from concord.client.inferring import UNDER_WAY, Inference, InferredAnnotator, InferredUnit

LOOK_SECONDS = 0.5


@click.command("infer")
@click.argument("project_id")
@click.option("--rulings", is_flag=True, help="Take what adjudicators ruled as known.")
@click.option("--field", default="", help="Of labels that have several: list of this one.")
@click.option("--units", is_flag=True, help="List the units that were settled with another class than the likeliest.")
@click.option("--annotators", is_flag=True, help="List annotators with what each takes for what.")
@click.option(
    "--wait", "seconds", default=600.0, show_default=True, type=click.FloatRange(min=0), help="So long at most."
)
@speaks
def verb(
    session: Session, project_id: str, rulings: bool, field: str, units: bool, annotators: bool, seconds: float
) -> None:
    """Have all labels of PROJECT_ID weighed at once by Dawid and Skene's model, and compare it with what was settled.

    Live, a unit is weighed by what is known of its annotators when its labels come in; here all labels tell of all
    annotators. Nothing is changed by it.
    """
    with session.client() as concord:
        run = _done(concord, concord.infer(project_id, rulings=rulings), seconds)
        if run.status != "done":
            raise click.ClickException(f"{run.inference_id} {run.status} {run.reason}".strip())
        apart = concord.inferred_units(project_id, run.inference_id, field, differing=True) if units else []
        people = concord.inferred_annotators(project_id, run.inference_id, field) if annotators else []
    answer = {"inference": run, "units": apart, "annotators": people}
    session.told(answer, lambda: _show(run, apart, people, units=units, annotators=annotators))


def _done(concord: Concord, run: Inference, seconds: float) -> Inference:
    until = time.monotonic() + seconds
    while run.status in UNDER_WAY and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        run = concord.inference(run.project_id, run.inference_id)
    return run


def _show(
    run: Inference, apart: list[InferredUnit], people: list[InferredAnnotator], *, units: bool, annotators: bool
) -> None:
    rows = [
        (
            field.field,
            field.units,
            field.labels,
            field.annotators,
            field.settled,
            field.differing,
            _shares(field.classes, field.shares),
        )
        for field in run.fields
    ]
    show_table(("field", "units", "labels", "annotators", "settled", "differ", "classes"), rows)
    for field in run.fields:
        if not field.converged:
            click.echo(f"{field.field or 'labels'}: not at its end after {field.iterations} iterations")
    if units:
        found = [
            (
                inferred_unit.unit_id,
                _said(inferred_unit.label),
                f"{max(inferred_unit.posterior):.3f}",
                _said(inferred_unit.decided),
                inferred_unit.confidence,
            )
            for inferred_unit in apart
        ]
        show_table(("unit", "likeliest", "probability", "settled with", "confidence"), found)
    if annotators:
        entries = [
            (person.annotator_id, person.labels, f"{person.accuracy:.3f}", json.dumps(person.confusion))
            for person in people
        ]
        show_table(("annotator", "labels", "accuracy", "confusion"), entries)


def _shares(classes: list[object], shares: list[float]) -> str:
    return ", ".join(f"{_said(label)} {share:.3f}" for label, share in zip(classes, shares, strict=True))


def _said(label: object) -> str:
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)
