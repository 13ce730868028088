"""`concord models beside`: models that annotate, held against people."""

import json

import click

from cli.annotators import interval
from cli.session import Session, show_table, speaks
from concord.client.beside import Labelling, ModelInField, ModelsBesidePeople
from concord.client.models import Estimate

PRICE = click.FloatRange(min=0.0)
COLUMNS = ("by", "labels", "on gold", "settled as", "as the first person", "seconds", "price", "price of a right one")


@click.command("beside")
@click.argument("project_id")
@click.option("--label", type=PRICE, help="What a person's label costs; else the project's own price.")
@click.option("--output", type=PRICE, default=0.0, show_default=True, help="What a model's label costs.")
@click.option("--classes", is_flag=True, help="Class by class, too.")
@speaks
def beside(session: Session, project_id: str, label: float | None, output: float, classes: bool) -> None:
    """Hold the models that annotate in PROJECT_ID against its people: how right, how fast, and at what price.

    Right is what hidden gold says, and what units were settled with in which the model had no part. A right label's
    price is a label's, divided by the accuracy on gold: people's gold and models' is the same.
    """
    with session.client() as concord:
        found = concord.models_beside_people(project_id)
        own = (concord.project(project_id).policy.get("consensus") or {}).get("prices") or {}
    price = own.get("label") if label is None else label
    session.told(found, lambda: _show(found, None if price is None else float(price), output, classes=classes))


def _show(found: ModelsBesidePeople, label: float | None, output: float, *, classes: bool) -> None:
    rows = [_row("people", found.people, None, label)]
    for model in found.models:
        rows += [_row(model.annotator_id, model.labelling, field, output) for field in model.fields]
    show_table(COLUMNS, rows)
    places = f"counted {found.counted}, {found.humans_min} people at least"
    click.echo(f"{len(found.models)} models, {places}; intervals of 95 %")
    for model in found.models if classes else ():
        for field in model.fields:
            click.echo(f"{model.annotator_id}{f', {field.field}' if field.field else ''}: class by class")
            entries = [
                (json.dumps(each.label, ensure_ascii=False), interval(each.of_people), interval(each.of_model))
                for each in field.classes
            ]
            show_table(("class", "of people's, the model's too", "of the model's, people's too"), entries)


def _row(by: str, labelling: Labelling, model_in_field: ModelInField | None, price: float | None) -> tuple[object, ...]:
    held = (
        ("", "") if model_in_field is None else (interval(model_in_field.resolved), interval(model_in_field.agreement))
    )
    field = f" {model_in_field.field}" if model_in_field is not None and model_in_field.field else ""
    seconds = labelling.active_ms_median / 1_000 if labelling.active_ms_median else ""
    return (
        by + field,
        labelling.annotations,
        interval(labelling.gold),
        *held,
        seconds,
        _price(price),
        _of_right(price, labelling.gold),
    )


def _price(price: float | None) -> str:
    return "" if price is None else f"{price:g}"


def _of_right(price: float | None, accuracy: Estimate) -> str:
    """Return what a right label costs, with the ends of its interval.

    >>> _of_right(0.9, Estimate(0.9, 0.75, 1.0, 20, "", ""))
    '1 [0.9, 1.2]'
    """
    if price is None or not accuracy.value or not accuracy.low or not accuracy.high:
        return ""
    return f"{price / accuracy.value:.3g} [{price / accuracy.high:.3g}, {price / accuracy.low:.3g}]"
